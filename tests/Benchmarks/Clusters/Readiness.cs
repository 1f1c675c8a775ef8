using System.Diagnostics;

namespace KvRaft.Benchmarks.Clusters;

/// <summary>Waits for a cluster that was just started.</summary>
internal static class Readiness
{
    /// <summary>2 minutes: many groups elect slowly on a busy small machine; longer than that is a fault worth seeing.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(100);

    /// <exception cref="TimeoutException">It did not become true.</exception>
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
