using KvRaft.Benchmarks.Stores;

namespace KvRaft.Benchmarks.Load;

/// <summary>Prepares a new cluster for the measurement: writes every key and then puts mixed load on it, so that hot code is compiled.</summary>
internal static class WarmUp
{
    /// <summary>Enough to execute the code paths where many operations share an entry, a message, a sync.</summary>
    private const int Clients = 64;

    public static async Task RunAsync(IStore store, Dataset data, int valueBytes, TimeSpan time, CancellationToken cancellationToken)
    {
        await Preload.RunAsync(store, data, valueBytes, cancellationToken);
        var mix = new Workload(OperationKind.Mix, Clients, valueBytes, data.Count, TimeSpan.Zero, time);
        await new LoadRun(store, mix, data).RunAsync(static () => Task.CompletedTask, static () => Task.CompletedTask, cancellationToken);
    }
}
