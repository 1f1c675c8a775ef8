namespace KvRaft.Client;

public enum KvConsistencyLevel
{
    /// <summary>Sees every write that was acknowledged before the read began.</summary>
    Linearizable,

    /// <summary>The same, as long as clocks do not drift apart by more than the lease margin; saves a round trip.</summary>
    LeaderLease,

    /// <summary>Any replica that can prove its data is younger than asked.</summary>
    BoundedStaleness,

    /// <summary>Any replica that has applied a given version of the shard.</summary>
    AtLeast,

    /// <summary>Any replica, whatever it knows.</summary>
    Any,
}

/// <summary>What a read asks for. Cheaper reads are chosen by name, and the answer says what was delivered.</summary>
public readonly record struct KvConsistency
{
    private KvConsistency(KvConsistencyLevel level, TimeSpan stalenessMax = default, long version = 0)
    {
        Level = level;
        StalenessMax = stalenessMax;
        Version = version;
    }

    public KvConsistencyLevel Level { get; }

    internal TimeSpan StalenessMax { get; }

    internal long Version { get; }

    /// <summary>The default.</summary>
    public static KvConsistency Linearizable => default;

    public static KvConsistency LeaderLease => new(KvConsistencyLevel.LeaderLease);

    public static KvConsistency Any => new(KvConsistencyLevel.Any);

    public static KvConsistency Bounded(TimeSpan stalenessMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stalenessMax.Ticks, nameof(stalenessMax));
        return new(KvConsistencyLevel.BoundedStaleness, stalenessMax);
    }

    /// <summary>Read your own write: the version it was answered with.</summary>
    public static KvConsistency AtLeast(long version)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(version);
        return new(KvConsistencyLevel.AtLeast, version: version);
    }

    /// <summary>Whether any replica may answer, not only the leader.</summary>
    internal bool AllowsReplicas => Level is KvConsistencyLevel.BoundedStaleness or KvConsistencyLevel.AtLeast or KvConsistencyLevel.Any;
}
