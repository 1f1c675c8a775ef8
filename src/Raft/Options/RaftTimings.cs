namespace KvRaft.Raft.Options;

/// <summary>
/// The time constants of a node and its groups. The defaults hold on a loaded two-core machine: shorter elections are unstable there, because a busy
/// scheduler or a slow disk delays heartbeats by hundreds of milliseconds.
/// <para>
/// Nodes watch one another at these intervals (<c>NodeWatch</c>), once for all groups they share, and a silent leader is replaced at this rate
/// (<c>Succession</c>). The groups themselves have DotNext's timers at <see cref="GroupPatience"/> times these values, which apply only if the watch does not decide.
/// </para>
/// </summary>
public sealed record RaftTimings
{
    /// <summary>
    /// The factor by which a group's own timeouts and heartbeat intervals are longer: an unused group then costs a heartbeat in 4 s instead of in 0.4 s (tests/Benchmarks,
    /// "Idle groups"), and a condition that the watch cannot detect is resolved within 10 to 20 s.
    /// </summary>
    public const int GroupPatience = 10;

    /// <summary>A leader is replaced after a silence of at least this long.</summary>
    public TimeSpan ElectionMin { get; init; } = TimeSpan.FromMilliseconds(1000);

    /// <summary>The time limit of a search for a successor before it starts again; at least <see cref="ElectionMin"/>.</summary>
    public TimeSpan ElectionMax { get; init; } = TimeSpan.FromMilliseconds(2000);

    /// <summary>The heartbeat interval as a share of <see cref="ElectionMin"/>: at 0.4 one heartbeat may be lost.</summary>
    public double HeartbeatShare { get; init; } = 0.4;

    /// <summary>The heartbeat interval: between two pings to a watched node, and between two rounds of a leader that has news.</summary>
    public TimeSpan HeartbeatInterval => ElectionMin * HeartbeatShare;

    /// <summary>The number of heartbeat intervals that together are at least as long as <see cref="ElectionMin"/>.</summary>
    public int HeartbeatsOfSilence => (int)Math.Ceiling(1 / HeartbeatShare);

    /// <summary>
    /// How long one request to a peer may take. It must stay below <see cref="ElectionMin"/>: DotNext waits for every voter's answer
    /// before it decides an election, so a paused leader would never be replaced (measured).
    /// </summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMilliseconds(600);

    /// <summary>How long connecting to a peer may take; below <see cref="ElectionMin"/> for the same reason.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <summary>How long a read barrier waits for a majority before it reports that there is none.</summary>
    public TimeSpan BarrierTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>All faults at once, as text; empty if the timings are usable.</summary>
    public IReadOnlyList<string> Validate()
    {
        var faults = new List<string>();
        if (ElectionMin < TimeSpan.FromMilliseconds(50))
        {
            faults.Add($"electionMin is {ElectionMin.TotalMilliseconds} ms; allowed is 50 ms or more.");
        }

        if (ElectionMax < ElectionMin)
        {
            faults.Add($"electionMax is {ElectionMax.TotalMilliseconds} ms; allowed is electionMin ({ElectionMin.TotalMilliseconds} ms) or more.");
        }

        if (HeartbeatShare is not (> 0 and < 1))
        {
            faults.Add($"heartbeatShare is {HeartbeatShare}; allowed is more than 0 and less than 1.");
        }
        else if (HeartbeatInterval < TimeSpan.FromMilliseconds(1))
        {
            faults.Add($"heartbeatShare is {HeartbeatShare}, a heartbeat interval of {HeartbeatInterval.TotalMilliseconds} ms; allowed is 1 ms or more.");
        }

        if (RequestTimeout <= TimeSpan.Zero || RequestTimeout >= ElectionMin)
        {
            faults.Add($"requestTimeout is {RequestTimeout.TotalMilliseconds} ms; allowed is more than 0 and less than electionMin ({ElectionMin.TotalMilliseconds} ms).");
        }

        if (ConnectTimeout <= TimeSpan.Zero || ConnectTimeout >= ElectionMin)
        {
            faults.Add($"connectTimeout is {ConnectTimeout.TotalMilliseconds} ms; allowed is more than 0 and less than electionMin ({ElectionMin.TotalMilliseconds} ms).");
        }

        return faults;
    }
}
