using KvRaft.Benchmarks.Gauges;

namespace KvRaft.Benchmarks.Clusters;

/// <summary>Three server processes on loopback, started and stopped by this program.</summary>
internal interface ICluster : IAsyncDisposable
{
    IReadOnlyList<string> Endpoints { get; }

    IReadOnlyList<ProcessGauge> Processes { get; }

    /// <summary>The number of syncs of all nodes since their start, as counted by the nodes.</summary>
    Task<long> SyncsAsync(CancellationToken cancellationToken);

    /// <summary>The index of the node that leads the group of a key, from 0; null: none is known.</summary>
    Task<int?> LeaderOfAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken);

    /// <summary>Ends the process of a node at once, like kill -9.</summary>
    void Kill(int node);

    /// <summary>Starts a killed node again with its data, and returns when the cluster is complete.</summary>
    Task RestartAsync(int node, CancellationToken cancellationToken);
}
