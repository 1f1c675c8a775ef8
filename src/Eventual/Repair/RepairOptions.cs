namespace KvRaft.Eventual.Repair;

/// <summary>The pace of repair.</summary>
public sealed record RepairOptions
{
    /// <summary>
    /// The time between two rounds of comparison. A round in which all is equal costs one message of 2 KiB per keyspace and node. Replicas should be equal
    /// ten seconds
    /// after a partition ends; two seconds leave most of that time for the repair itself.
    /// </summary>
    public TimeSpan RoundInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Keys made equal in one step. Between two steps repair rests as long as the step took, so that it never uses more than half of a disk.</summary>
    public int KeysPerStep { get; init; } = 32;

    /// <summary>The timeout of one repair message to another node. It is longer than that of a coordinator, because no client waits for it.</summary>
    public TimeSpan CallTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The time between two sweeps for removable tombstones and for expired values.</summary>
    public TimeSpan SweepInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Tombstones sent to all nodes in one query: some 100 bytes each, so a message of 50 KiB.</summary>
    public int TombstonesPerStep { get; init; } = 512;
}
