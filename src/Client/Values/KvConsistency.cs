namespace KvRaft.Client;

public enum KvConsistencyLevel
{
    /// <summary>Sees every write that was acknowledged before the read began.</summary>
    Linearizable,

    /// <summary>
    /// Asks the leader to answer without a quorum round. The server does a quorum round all the same, and the answer says
    /// <see cref="Linearizable"/>: no lease is known to be safe across the restart of a voter.
    /// </summary>
    LeaderLease,

    /// <summary>Any replica that can prove its data is younger than asked.</summary>
    BoundedStaleness,

    /// <summary>Any replica that has applied what was seen of its shard before.</summary>
    AtLeast,

    /// <summary>Any replica, whatever it knows.</summary>
    Any,
}

/// <summary>What a read asks for. Cheaper reads are chosen by name, and the answer says what was delivered.</summary>
public readonly record struct KvConsistency
{
    private KvConsistency(KvConsistencyLevel level, TimeSpan stalenessMax = default, long version = 0, KvSession? session = null)
    {
        Session = session;
        Level = level;
        StalenessMax = stalenessMax;
        Version = version;
    }

    public KvConsistencyLevel Level { get; }

    internal TimeSpan StalenessMax { get; }

    /// <summary>Of one shard; 0 with a session.</summary>
    internal long Version { get; }

    internal KvSession? Session { get; }

    /// <summary>The default.</summary>
    public static KvConsistency Linearizable => default;

    /// <inheritdoc cref="KvConsistencyLevel.LeaderLease"/>
    public static KvConsistency LeaderLease => new(KvConsistencyLevel.LeaderLease);

    public static KvConsistency Any => new(KvConsistencyLevel.Any);

    public static KvConsistency Bounded(TimeSpan stalenessMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(stalenessMax.Ticks, nameof(stalenessMax));
        return new(KvConsistencyLevel.BoundedStaleness, stalenessMax);
    }

    /// <summary>
    /// Read your own write of a key: the version it was answered with. Versions are those of one shard, so this is for reads of that key, or of
    /// others in its shard; a read that may meet several shards is refused. For those see <see cref="AtLeast(KvSession)"/>.
    /// </summary>
    public static KvConsistency AtLeast(long version)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(version, 1);
        return new(KvConsistencyLevel.AtLeast, version: version);
    }

    /// <summary>See of every shard at least what the session has seen of it, as it is when the read begins. For reads of any kind.</summary>
    public static KvConsistency AtLeast(KvSession session)
    {
        ArgumentNullException.ThrowIfNull(session);
        return new(KvConsistencyLevel.AtLeast, session: session);
    }

    /// <summary>Whether any replica may answer, not only the leader.</summary>
    internal bool AllowsReplicas => Level is KvConsistencyLevel.BoundedStaleness or KvConsistencyLevel.AtLeast or KvConsistencyLevel.Any;
}
