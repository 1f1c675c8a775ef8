namespace KvRaft.Raft.Tests.Groups;

/// <summary>Timers that end earlier than requested. Clocks are not changed.</summary>
internal sealed class FasterTime(double factor) : TimeProvider
{
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        System.CreateTimer(callback, state, Shortened(dueTime), Shortened(period));

    private TimeSpan Shortened(TimeSpan time) => time > TimeSpan.Zero ? time / factor : time;
}
