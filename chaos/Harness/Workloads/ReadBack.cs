using KvRaft.Chaos.Checkers;

namespace KvRaft.Chaos.Workloads;

/// <summary>Final reads are asked for again until they are answered; each attempt is an operation of its own.</summary>
internal static class ReadBack
{
    /// <summary>After a heal a shard needs an election or two; a tenth of a second between attempts is often enough.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public static async Task UntilAnsweredAsync(Func<Task<Answer>> read, CancellationToken cancel)
    {
        while ((await read()).Type != EventType.Ok && !cancel.IsCancellationRequested)
        {
            await Task.Delay(Pause, CancellationToken.None);
        }
    }
}
