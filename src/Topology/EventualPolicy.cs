namespace KvRaft.Topology;

/// <summary>The policy of an eventual keyspace. <see cref="EventualChange"/> states which parts can be altered.</summary>
public sealed record EventualPolicy
{
    /// <summary>
    /// Three copies, of which two must answer: reads see every acknowledged write unless a fallback was counted, and one node may be down.
    /// </summary>
    public static readonly EventualPolicy Default = new();

    public QuorumSpec Quorum { get; init; } = new(3, 2, 2, Sloppy: true);

    public ConflictPolicy Conflict { get; init; } = ConflictPolicy.Siblings;

    public EventualDurability Durability { get; init; } = EventualDurability.Fsync;

    /// <summary>The invalid part as a sentence; null if the policy is valid.</summary>
    public string? Mistake() =>
        Quorum.Mistake() is { } mistake ? $"{mistake.Field} is {mistake.Why}"
        : !Enum.IsDefined(Conflict) ? $"conflict policy {Conflict} is not known"
        : !Enum.IsDefined(Durability) ? $"durability {Durability} is not known"
        : null;
}
