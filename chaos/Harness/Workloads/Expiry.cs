using KvRaft.Chaos.Checkers;

namespace KvRaft.Chaos.Workloads;

/// <summary>
/// How exactly a time to live must be kept, in every cell, also where wall clocks are moved by hours: it is relative, and what a wall clock says has no part
/// in it.
/// </summary>
internal static class Expiry
{
    public static IReadOnlyDictionary<string, long> Parameters { get; } = new Dictionary<string, long>
    {
        // Half a second: the milliseconds between two processes' readings of a clock, and nothing else that is known.
        [TtlOptions.MarginParameter] = 500,

        // A value that is due is hidden once a tick is committed, which a leader proposes every 250 ms; a quarter of a second is the silence below, which
        // is not seen; and half a second as above.
        [TtlOptions.LateMarginParameter] = 1000,

        // The time by which nodes stamp approaches wall clocks that a majority agrees on by 1 % of what passes.
        [TtlOptions.RateParameter] = 10,

        // Eight keys share 250 operations a second, so a key that is served answers every 32 ms.
        [TtlOptions.SilenceParameter] = 250,
    };
}
