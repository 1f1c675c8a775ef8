namespace KvRaft.TestKit;

/// <summary>The system clock with a different wall-clock time. Durations and timers are real, as on a machine with a wrong clock.</summary>
internal sealed class SkewedClock : TimeProvider
{
    private long _offsetTicks;

    public TimeSpan Offset
    {
        get => TimeSpan.FromTicks(Volatile.Read(ref _offsetTicks));
        set => Volatile.Write(ref _offsetTicks, value.Ticks);
    }

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Offset;
}
