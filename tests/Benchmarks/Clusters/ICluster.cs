using KvRaft.Benchmarks.Gauges;

namespace KvRaft.Benchmarks.Clusters;

/// <summary>Three server processes on loopback, started here and ended here.</summary>
internal interface ICluster : IAsyncDisposable
{
    IReadOnlyList<string> Endpoints { get; }

    IReadOnlyList<ProcessGauge> Processes { get; }

    /// <summary>Syncs of all nodes since they were started, by their own count.</summary>
    Task<long> SyncsAsync(CancellationToken cancellationToken);
}
