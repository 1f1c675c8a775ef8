using DotNext.IO;
using DotNext.IO.Log;
using DotNext.Net.Cluster.Consensus.Raft;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>The empty entry that DotNext appends when a candidate wins an election.</summary>
internal sealed class FirstOfTerm(long term) : IRaftLogEntry
{
    public long Term => term;

    bool ILogEntry.IsSnapshot => false;

    bool IDataTransferObject.IsReusable => true;

    long? IDataTransferObject.Length => 0;

    ValueTask IDataTransferObject.WriteToAsync<TWriter>(TWriter writer, CancellationToken token) => default;
}
