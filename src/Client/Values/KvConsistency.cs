namespace KvRaft.Client;

public enum KvConsistencyLevel
{
    /// <summary>Sees every write that was acknowledged before the read started.</summary>
    Linearizable,

    /// <summary>
    /// Requests an answer of the leader without a quorum round. The server still makes a quorum round, and the answer reports
    /// <see cref="Linearizable"/>: no lease is proven safe across the restart of a voter.
    /// </summary>
    LeaderLease,

    /// <summary>Any replica that can prove that its data is not older than the given age.</summary>
    BoundedStaleness,

    /// <summary>Any replica that has applied the versions of its shard that were seen before.</summary>
    AtLeast,

    /// <summary>Any replica, whatever its state.</summary>
    Any,
}

/// <summary>The consistency of a read. Cheaper reads are selected explicitly, and the answer reports the delivered consistency.</summary>
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

    /// <summary>A version of one shard; 0 with a session.</summary>
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
    /// Reads the caller's own write to a key: pass the version that the write returned. Versions are those of one shard, so this is for reads of that
    /// key, or of other keys in its shard; a read that may involve several shards is refused. For such reads see <see cref="AtLeast(KvSession)"/>.
    /// </summary>
    public static KvConsistency AtLeast(long version)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(version, 1);
        return new(KvConsistencyLevel.AtLeast, version: version);
    }

    /// <summary>Sees at least the versions of every shard in the session, as of the start of the read. For reads of any kind.</summary>
    public static KvConsistency AtLeast(KvSession session)
    {
        ArgumentNullException.ThrowIfNull(session);
        return new(KvConsistencyLevel.AtLeast, session: session);
    }

    /// <summary>True if any replica may answer, not only the leader.</summary>
    internal bool AllowsReplicas => Level is KvConsistencyLevel.BoundedStaleness or KvConsistencyLevel.AtLeast or KvConsistencyLevel.Any;
}
