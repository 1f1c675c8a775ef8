namespace KvRaft.Topology;

/// <summary>What an eventual keyspace promises. What may be altered, and what not, see <see cref="EventualChange"/>.</summary>
public sealed record EventualPolicy
{
    /// <summary>Three copies, of which two answer: a read meets every write as long as no fallback stood in, and one node may be down.</summary>
    public static readonly EventualPolicy Default = new();

    public QuorumSpec Quorum { get; init; } = new(3, 2, 2, Sloppy: true);

    public ConflictPolicy Conflict { get; init; } = ConflictPolicy.Siblings;

    public EventualDurability Durability { get; init; } = EventualDurability.Fsync;

    /// <summary>What is wrong with it, in words; null if nothing is.</summary>
    public string? Mistake() =>
        Quorum.Mistake() is { } mistake ? $"{mistake.Field} is {mistake.Why}"
        : !Enum.IsDefined(Conflict) ? $"conflict policy {Conflict} is not known"
        : !Enum.IsDefined(Durability) ? $"durability {Durability} is not known"
        : null;
}
