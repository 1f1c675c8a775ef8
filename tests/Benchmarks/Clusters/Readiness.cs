using System.Diagnostics;

namespace KvRaft.Benchmarks.Clusters;

/// <summary>Waits for a cluster that has just been started.</summary>
internal static class Readiness
{
    /// <summary>2 minutes: elections of many groups are slow on a busy small machine; a longer time is a fault that must be visible.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(100);

    /// <exception cref="TimeoutException">The condition did not become true.</exception>
    public static async Task UntilAsync(
        IReadOnlyList<ServerProcess> servers, Func<Task<bool>> isReady, string what, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.StartNew();
        while (!await isReady())
        {
            foreach (var server in servers)
            {
                server.ThrowIfEnded();
            }

            if (clock.Elapsed > Patience)
            {
                throw new TimeoutException($"Waited {Patience.TotalSeconds:0} s for {what}.");
            }

            await Task.Delay(LookPeriod, cancellationToken);
        }
    }
}
