namespace KvRaft.Eventual.Causality;

/// <summary>One current value of a key, which no seen write replaces, with the dot of the write that made it.</summary>
public sealed record Sibling
{
    public required Dot Dot { get; init; }

    /// <summary>The time of the write, for display and for last-writer-wins. Causality does not use it.</summary>
    public required HybridStamp WrittenAt { get; init; }

    /// <summary>
    /// The id of the write, of identity and content (<see cref="Replicas.WriteName"/>); zero if the client gave no identity. If a client sends a write again to the
    /// replica that already accepted it, nothing changes while its value is current.
    /// </summary>
    public UInt128 WriteId { get; init; }

    /// <summary>Milliseconds since the Unix epoch; 0 = never. Readers hide expired values by their own clock.</summary>
    public long ExpireAtMs { get; init; }

    public required ReadOnlyMemory<byte> Value { get; init; }

    public bool IsExpiredAt(long nowMs) => ExpireAtMs != 0 && ExpireAtMs <= nowMs;

    /// <summary>By content: two replicas that hold the same dot hold the same value, times and ids.</summary>
    public bool Equals(Sibling? other) =>
        other is not null && Dot == other.Dot && WrittenAt == other.WrittenAt && WriteId == other.WriteId
        && ExpireAtMs == other.ExpireAtMs && Value.Span.SequenceEqual(other.Value.Span);

    public override int GetHashCode() => Dot.GetHashCode();
}
