using KvRaft.Chaos.Checkers;

namespace KvRaft.Chaos.Workloads;

/// <summary>
/// The precision of a time-to-live in every cell, including cells that set wall clocks off by hours: it is relative, and does not depend on
/// wall clocks.
/// </summary>
internal static class Expiry
{
    public static IReadOnlyDictionary<string, long> Parameters { get; } = new Dictionary<string, long>
    {
        // Half a second: the milliseconds between the clock readings of two processes; no other cause is known.
        [TtlOptions.MarginParameter] = 500,

        // A value that is due is hidden once a tick is committed, which a leader proposes every 250 ms; a quarter of a second is the silence below, which
        // is not seen; and half a second as above.
        [TtlOptions.LateMarginParameter] = 1000,

        // The time by which nodes stamp approaches wall clocks that a majority agrees on by 1 % of the elapsed time.
        [TtlOptions.RateParameter] = 10,

        // Eight keys share 250 operations a second, so a key that is served answers every 32 ms.
        [TtlOptions.SilenceParameter] = 250,
    };
}
