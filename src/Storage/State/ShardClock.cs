using KvRaft.Storage.Commands;

namespace KvRaft.Storage.State;

/// <summary>
/// How an applied entry moves the clock of a shard: a function of the state and the entry, so that all replicas agree.
/// <para>
/// The proposer decides how fast the clock runs (it has a clock, apply has none): by its own monotonic clock, corrected by the clocks of a majority of the
/// nodes. Apply is the last check. The clock never goes back; a stamp moves it by at most <see cref="StepMsMax"/>, unless the proposer
/// declares that it measured more (the shard was idle, or had no leader). The clock also never comes so near to the last instant that a time-to-live
/// does not fit behind it.
/// </para>
/// </summary>
internal static class ShardClock
{
    /// <inheritdoc cref="CommittedEntry.UndeclaredStepMsMax"/>
    public const long StepMsMax = CommittedEntry.UndeclaredStepMsMax;

    /// <summary>Beyond it the longest time-to-live would exceed <see cref="ShardLimits.InstantMsMax"/>.</summary>
    public const long ClockMsMax = ShardLimits.InstantMsMax - ShardLimits.TtlMsMax;

    /// <summary>The clock after an entry.</summary>
    /// <param name="clockMs">The clock before; 0: no entry has set it yet.</param>
    /// <param name="stampMs">The entry's stamp.</param>
    /// <param name="isStep">The proposer declares a step of more than <see cref="StepMsMax"/>.</param>
    public static long After(long clockMs, long stampMs, bool isStep)
    {
        var stamp = Math.Min(stampMs, ClockMsMax);
        return stamp <= clockMs ? clockMs
            : isStep || clockMs == 0 ? stamp
            : Math.Min(stamp, clockMs + StepMsMax);
    }
}
