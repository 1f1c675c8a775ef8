namespace KvRaft.Chaos.Checkers;

/// <summary>One possible explanation of the events so far.</summary>
/// <param name="Done">Slots of the running operations that have taken effect.</param>
/// <param name="Used">Slots of the open operations that have taken effect.</param>
/// <param name="State">The resulting state.</param>
/// <param name="Unseen">An open operation was the last to take effect and has not been observed yet.</param>
internal readonly record struct Configuration(UInt128 Done, UInt128 Used, int State, bool Unseen)
{
    /// <summary>
    /// True if it can explain everything that <paramref name="other"/> can: the same done operations and state, and no open operation used in
    /// addition.
    /// </summary>
    public bool Dominates(in Configuration other) =>
        Done == other.Done && State == other.State && (Used & ~other.Used) == 0 && (!Unseen || other.Unseen);

    /// <summary>A hash of the parts that are equal in dominating configurations, the same in every process.</summary>
    public int BucketHash()
    {
        // Multiplier: the golden ratio in 64 bits (Knuth, The Art of Computer Programming 3, section 6.4).
        const ulong GoldenRatio = 0x9E3779B97F4A7C15;
        var hash = ((ulong)Done * GoldenRatio) ^ ((ulong)(Done >> 64) + (ulong)State);
        hash *= GoldenRatio;
        return (int)(hash >> 33);
    }
}
