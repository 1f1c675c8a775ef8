using System.Diagnostics;
using KvRaft.Chaos.Checkers;

namespace KvRaft.Chaos.Workloads;

/// <summary>Final reads are repeated until they are answered; each attempt is a separate operation.</summary>
internal static class ReadBack
{
    /// <summary>After a heal a shard needs an election or two; a tenth of a second between attempts is often enough.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Twice the lateness that <see cref="Expiry"/> allows.</summary>
    private static readonly TimeSpan WatchTime = TimeSpan.FromSeconds(2);

    public static async Task UntilAnsweredAsync(Func<Task<Answer>> read, CancellationToken cancel)
    {
        while ((await read()).Type != EventType.Ok && !cancel.IsCancellationRequested)
        {
            await Task.Delay(Pause, CancellationToken.None);
        }
    }

    /// <summary>
    /// Reads all keys until each is answered, and then, in rounds, for longer than a value may be late after a silence: one read of a key that was replaced
    /// long ago does not
    /// show whether its shard was served meanwhile.
    /// </summary>
    public static async Task WatchAsync(IReadOnlyList<string> keys, Func<string, Task<Answer>> read, CancellationToken cancel)
    {
        foreach (var key in keys)
        {
            await UntilAnsweredAsync(() => read(key), cancel);
        }

        for (var clock = Stopwatch.StartNew(); clock.Elapsed < WatchTime && !cancel.IsCancellationRequested;)
        {
            foreach (var key in keys)
            {
                await read(key);
            }
        }
    }
}
