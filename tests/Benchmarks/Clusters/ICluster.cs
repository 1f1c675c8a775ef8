using KvRaft.Benchmarks.Gauges;

namespace KvRaft.Benchmarks.Clusters;

/// <summary>Three server processes on loopback, started here and ended here.</summary>
internal interface ICluster : IAsyncDisposable
{
    IReadOnlyList<string> Endpoints { get; }

    IReadOnlyList<ProcessGauge> Processes { get; }

    /// <summary>Syncs of all nodes since they were started, by their own count.</summary>
    Task<long> SyncsAsync(CancellationToken cancellationToken);

    /// <summary>Which node leads the group that has a key, counted from 0; null: none is known to.</summary>
    Task<int?> LeaderOfAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken);

    /// <summary>Ends a node's process at once, as kill -9 does.</summary>
    void Kill(int node);

    /// <summary>Starts a killed node again, on its data, and returns when the cluster is whole.</summary>
    Task RestartAsync(int node, CancellationToken cancellationToken);
}
