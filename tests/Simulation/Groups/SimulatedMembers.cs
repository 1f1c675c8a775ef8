using DotNext.IO;
using DotNext.Net.Cluster.Consensus.Raft.Membership;
using KvRaft.Topology;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>A replica's list of voters on its disk. It survives every crash. As in DotNext's file, a version replaces only older ones.</summary>
internal sealed class SimulatedMembers(IReadOnlySet<int> first) : IClusterConfigurationStorage
{
    private volatile Saved _saved = new(0, first);

    /// <summary>The index of the configuration entry; 0: the first voters.</summary>
    public long Version => _saved.Version;

    public IReadOnlySet<int> Voters => _saved.Voters;

    public static byte[] Encode(IEnumerable<int> voters) => [.. voters.Order().Select(static voter => (byte)voter)];

    public void CopyFrom(SimulatedMembers other) => Save(other._saved);

    ValueTask<bool> IClusterConfigurationStorage.SaveConfigurationAsync<TConfiguration>(TConfiguration configuration, long configurationVersion, CancellationToken token)
    {
        var isRead = configuration.TryGetMemory(out var bytes);
        Invariant.Holds(isRead, "A configuration of the log is in memory.");
        return new(Save(new Saved(configurationVersion, bytes.ToArray().Select(static voter => (int)voter).ToHashSet())));
    }

    ValueTask<(IDataTransferObject Configuration, long Version)> IClusterConfigurationStorage.LoadConfigurationAsync(CancellationToken token) =>
        throw new NotSupportedException("The simulated replica reads its voters from the properties.");

    void IDisposable.Dispose()
    {
    }

    private bool Save(Saved configuration)
    {
        if (configuration.Version <= Version)
        {
            return false;
        }

        _saved = configuration;
        return true;
    }

    private sealed record Saved(long Version, IReadOnlySet<int> Voters);
}
