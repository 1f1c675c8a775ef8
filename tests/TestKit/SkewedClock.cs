namespace KvRaft.TestKit;

/// <summary>The real clock, but for a wall that shows another time. Durations and timers are real, as on a machine whose clock is set wrong.</summary>
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
