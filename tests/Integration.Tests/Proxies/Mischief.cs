namespace KvRaft.Integration.Tests.Proxies;

/// <summary>Decides the faults of a proxy for each call. Thread-safe; the same seed gives the same decisions, though not the same interleaving.</summary>
internal sealed class Mischief(int seed)
{
    /// <summary>Every fifth answer is lost on its way back.</summary>
    private const int AnswersPerDrop = 5;

    /// <summary>About once in so many calls a connection ends, with all calls that it carries.</summary>
    private const int CallsPerReconnect = 400;

    private readonly Lock _lock = new();
    private readonly Random _chance = new(seed);
    private long _answers;

    public bool DropsAnswer() => Interlocked.Increment(ref _answers) % AnswersPerDrop == 0;

    public bool Reconnects()
    {
        lock (_lock)
        {
            return _chance.Next(CallsPerReconnect) == 0;
        }
    }
}
