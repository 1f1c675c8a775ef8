namespace KvRaft.Raft;

/// <summary>
/// The clockwork of a group. The defaults hold on a loaded two-core machine: shorter elections flap there, because a busy
/// scheduler or a slow disk delays heartbeats by hundreds of milliseconds.
/// </summary>
public sealed record RaftTimings
{
    /// <summary>A follower stands for election after a random silence of at least this long.</summary>
    public TimeSpan ElectionMin { get; init; } = TimeSpan.FromMilliseconds(1000);

    /// <summary>A follower stands for election after a random silence of at most this long.</summary>
    public TimeSpan ElectionMax { get; init; } = TimeSpan.FromMilliseconds(2000);

    /// <summary>A leader's heartbeat period as a share of <see cref="ElectionMin"/>: 0.4 leaves room for one lost heartbeat.</summary>
    public double HeartbeatShare { get; init; } = 0.4;

    /// <summary>
    /// How long one request to a peer may take. It must stay below <see cref="ElectionMin"/>: DotNext waits for every voter's answer
    /// before it decides an election, so a paused leader would never be replaced (measured).
    /// </summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMilliseconds(600);

    /// <summary>How long connecting to a peer may take; below <see cref="ElectionMin"/> for the same reason.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromMilliseconds(400);

    /// <summary>How long a read barrier waits for a majority before it reports that there is none.</summary>
    public TimeSpan BarrierTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>All faults at once, in words; empty when the timings are usable.</summary>
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
