namespace KvRaft.Eventual.Causality;

/// <summary>One value of a key that no other is known to replace, with the name of the write that made it.</summary>
public sealed record Sibling
{
    public required Dot Dot { get; init; }

    /// <summary>When it was written, for people and for last-writer-wins. Decides nothing about causality.</summary>
    public required HybridStamp WrittenAt { get; init; }

    /// <summary>
    /// The client's name of the write; zero if it gave none. A write sent again to the replica that already took it changes nothing
    /// while its value stands.
    /// </summary>
    public UInt128 WriteId { get; init; }

    /// <summary>Milliseconds since the Unix epoch; 0 = never. Readers hide what has passed, on their own clock.</summary>
    public long ExpireAtMs { get; init; }

    public required ReadOnlyMemory<byte> Value { get; init; }

    public bool IsExpiredAt(long nowMs) => ExpireAtMs != 0 && ExpireAtMs <= nowMs;

    /// <summary>By content: two replicas that hold the same dot hold the same of all.</summary>
    public bool Equals(Sibling? other) =>
        other is not null && Dot == other.Dot && WrittenAt == other.WrittenAt && WriteId == other.WriteId
        && ExpireAtMs == other.ExpireAtMs && Value.Span.SequenceEqual(other.Value.Span);

    public override int GetHashCode() => Dot.GetHashCode();
}
