using DotNext.IO;
using DotNext.IO.Log;
using DotNext.Net.Cluster.Consensus.Raft;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>The entry that DotNext appends to change the voters.</summary>
internal sealed class ConfigurationOfGroup(long term, byte[] voters) : IRaftLogEntry
{
    public long Term => term;

    bool IRaftLogEntry.IsConfiguration => true;

    bool ILogEntry.IsSnapshot => false;

    bool IDataTransferObject.IsReusable => true;

    long? IDataTransferObject.Length => voters.Length;

    ValueTask IDataTransferObject.WriteToAsync<TWriter>(TWriter writer, CancellationToken token) => writer.WriteAsync(voters, null, token);
}
