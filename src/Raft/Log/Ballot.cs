namespace KvRaft.Raft.Log;

/// <summary>The term a replica is in and whom it voted for in it.</summary>
/// <param name="Term">Never falls.</param>
/// <param name="VotedFor">Empty: nobody yet. Opaque to the log, at most <see cref="VotedForBytesMax"/> bytes; set at most once a term.</param>
internal readonly record struct Ballot(long Term, ReadOnlyMemory<byte> VotedFor)
{
    /// <summary>
    /// The highest term there can be, 2^62: at one election a microsecond a group reaches it in 146,000 years. A higher one was written by a build that believed a forged
    /// message; from 2^63 - 1 on no election can be held.
    /// </summary>
    public const long TermMax = 1L << 62;

    /// <summary>Room for any member id there is (DotNext's takes 16 to 32 bytes), small enough for the one-byte length on disk.</summary>
    public const int VotedForBytesMax = 64;

    public bool Equals(Ballot other) => Term == other.Term && VotedFor.Span.SequenceEqual(other.VotedFor.Span);

    public override int GetHashCode() => HashCode.Combine(Term, VotedFor.Length);

    public override string ToString() => VotedFor.IsEmpty ? $"term {Term}" : $"term {Term} for {Convert.ToHexStringLower(VotedFor.Span)}";
}
