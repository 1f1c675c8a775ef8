namespace KvRaft.Raft.Log;

/// <summary>The term of a replica and its vote in that term.</summary>
/// <param name="Term">Never falls.</param>
/// <param name="VotedFor">Empty: no vote yet. Opaque to the log, at most <see cref="VotedForBytesMax"/> bytes; set at most once per term.</param>
internal readonly record struct Ballot(long Term, ReadOnlyMemory<byte> VotedFor)
{
    /// <summary>
    /// The highest valid term, 2^62: at one election per microsecond a group reaches it in 146,000 years. A higher term was stored by a build that accepted a forged
    /// message; from 2^63 - 1 on no election is possible.
    /// </summary>
    public const long TermMax = 1L << 62;

    /// <summary>Enough for any member id (DotNext's takes 16 to 32 bytes), and small enough for the one-byte length on disk.</summary>
    public const int VotedForBytesMax = 64;

    public bool Equals(Ballot other) => Term == other.Term && VotedFor.Span.SequenceEqual(other.VotedFor.Span);

    public override int GetHashCode() => HashCode.Combine(Term, VotedFor.Length);

    public override string ToString() => VotedFor.IsEmpty ? $"term {Term}" : $"term {Term} for {Convert.ToHexStringLower(VotedFor.Span)}";
}
