namespace KvRaft.Eventual.Repair;

/// <summary>How repair paces itself.</summary>
public sealed record RepairOptions
{
    /// <summary>
    /// Between two rounds of comparison. A round in which all is equal costs one message of 2 KiB per keyspace and node; two seconds leave most of the
    /// ten in which replicas should be equal after a partition for the repair itself.
    /// </summary>
    public TimeSpan RoundInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Keys brought together at once. Between two such steps repair rests as long as the step took, so that it never has more than half of a disk.</summary>
    public int KeysPerStep { get; init; } = 32;

    /// <summary>One message of repair to another node. Longer than a coordinator's, since nobody waits for it.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Between two looks for tombstones that may go, and for values whose time is over.</summary>
    public TimeSpan SweepInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Tombstones put to all nodes in one question: some 100 bytes each, so a message of 50 KiB.</summary>
    public int TombstonesPerStep { get; init; } = 512;
}
