using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>Which guarantees a keyspace gives.</summary>
public enum KvKeyspaceMode
{
    /// <summary>Linearizable: each shard is a Raft group.</summary>
    Strong = 1,

    /// <summary>Writable on every side of a partition; concurrent writes are kept as siblings or merged.</summary>
    Eventual = 2,
}

/// <summary>Which bytes of a key decide its shard.</summary>
public enum KvKeyRouting
{
    /// <summary>All of them.</summary>
    WholeKey = 1,

    /// <summary>The text between the first <c>{</c> and the next <c>}</c>, if it is not empty; otherwise the whole key.</summary>
    Tag = 2,
}

/// <summary>How an eventual keyspace treats concurrent writes of one key.</summary>
public enum KvConflictPolicy
{
    /// <summary>Keeps all of them; the reader resolves the conflict.</summary>
    Siblings = 1,

    /// <summary>Keeps the latest by hybrid time and loses the others.</summary>
    LastWriter = 2,

    /// <summary>Merges counters.</summary>
    Counter = 3,

    /// <summary>Merges sets.</summary>
    Set = 4,

    /// <summary>Merges registers.</summary>
    Register = 5,

    /// <summary>Merges maps of merged values.</summary>
    Map = 6,
}

/// <summary>When a replica of an eventual keyspace acknowledges a write.</summary>
public enum KvEventualDurability
{
    /// <summary>After the write has been synced to disk.</summary>
    Fsync = 1,

    /// <summary>After the operating system has accepted the write.</summary>
    Memory = 2,
}

/// <summary>The replication policy of an eventual keyspace.</summary>
public sealed record KvEventualPolicy
{
    /// <summary>Replicas of a key, 1 to 7; null: 3.</summary>
    public int? Replicas { get; init; }

    /// <summary>Answers that a read waits for, 1 to <see cref="Replicas"/>; null: 2, or all of fewer replicas.</summary>
    public int? ReadQuorum { get; init; }

    /// <summary>Replicas that must acknowledge a write, 1 to <see cref="Replicas"/>; null: 2, or all of fewer replicas.</summary>
    public int? WriteQuorum { get; init; }

    /// <summary>No other node may take a write in place of a replica that does not answer.</summary>
    public bool IsStrict { get; init; }

    public KvConflictPolicy Conflict { get; init; } = KvConflictPolicy.Siblings;

    public KvEventualDurability Durability { get; init; } = KvEventualDurability.Fsync;

    internal static KvEventualPolicy From(EventualPolicy policy) => new()
    {
        Replicas = policy.HasN ? policy.N : null,
        ReadQuorum = policy.HasR ? policy.R : null,
        WriteQuorum = policy.HasW ? policy.W : null,
        IsStrict = policy.Strict,
        Conflict = policy.Conflict == ConflictPolicy.Unspecified ? KvConflictPolicy.Siblings : (KvConflictPolicy)policy.Conflict,
        Durability = policy.Durability == EventualDurability.Unspecified ? KvEventualDurability.Fsync : (KvEventualDurability)policy.Durability,
    };

    internal EventualPolicy ToMessage()
    {
        var policy = new EventualPolicy { Strict = IsStrict, Conflict = (ConflictPolicy)Conflict, Durability = (EventualDurability)Durability };
        if (Replicas is { } replicas)
        {
            policy.N = replicas;
        }

        if (ReadQuorum is { } read)
        {
            policy.R = read;
        }

        if (WriteQuorum is { } write)
        {
            policy.W = write;
        }

        return policy;
    }
}

/// <summary>A change of the replication policy of an eventual keyspace; what is null stays as it is.</summary>
public sealed record KvEventualPolicyChange
{
    /// <inheritdoc cref="KvEventualPolicy.Replicas"/>
    public int? Replicas { get; init; }

    /// <inheritdoc cref="KvEventualPolicy.ReadQuorum"/>
    public int? ReadQuorum { get; init; }

    /// <inheritdoc cref="KvEventualPolicy.WriteQuorum"/>
    public int? WriteQuorum { get; init; }

    /// <inheritdoc cref="KvEventualPolicy.IsStrict"/>
    public bool? IsStrict { get; init; }

    /// <summary>Only between <see cref="KvConflictPolicy.Siblings"/> and <see cref="KvConflictPolicy.LastWriter"/>.</summary>
    public KvConflictPolicy? Conflict { get; init; }

    public KvEventualDurability? Durability { get; init; }

    internal EventualPolicyChange ToMessage()
    {
        var change = new EventualPolicyChange { Conflict = (ConflictPolicy)(Conflict ?? 0), Durability = (EventualDurability)(Durability ?? 0) };
        if (Replicas is { } replicas)
        {
            change.N = replicas;
        }

        if (ReadQuorum is { } read)
        {
            change.R = read;
        }

        if (WriteQuorum is { } write)
        {
            change.W = write;
        }

        if (IsStrict is { } strict)
        {
            change.Strict = strict;
        }

        return change;
    }
}

/// <summary>A keyspace and its settings.</summary>
/// <param name="Name">Unique in the cluster.</param>
public sealed record KvKeyspaceInfo(string Name)
{
    /// <summary>Assigned by the cluster and never assigned again; 0 in a request.</summary>
    public int Id { get; init; }

    /// <summary>Cannot be changed later.</summary>
    public KvKeyspaceMode Mode { get; init; } = KvKeyspaceMode.Strong;

    /// <summary>Cannot be changed later.</summary>
    public KvKeyRouting Routing { get; init; } = KvKeyRouting.WholeKey;

    /// <summary>The time to live of writes that set no expiry; null: they do not expire.</summary>
    public TimeSpan? TimeToLiveDefault { get; init; }

    /// <summary>The longest time to live that a write may set; null: no limit.</summary>
    public TimeSpan? TimeToLiveMax { get; init; }

    /// <summary>The largest value, in bytes; null: the limit of the nodes.</summary>
    public int? ValueBytesMax { get; init; }

    /// <summary>Of an eventual keyspace; null: all defaults. The cluster refuses a policy for a strong keyspace.</summary>
    public KvEventualPolicy? Eventual { get; init; }

    internal static KvKeyspaceInfo From(KeyspaceInfo keyspace) => new(keyspace.Name)
    {
        Id = keyspace.Id,
        Mode = (KvKeyspaceMode)keyspace.Mode,
        Routing = keyspace.Routing == RoutingRule.Unspecified ? KvKeyRouting.WholeKey : (KvKeyRouting)keyspace.Routing,
        TimeToLiveDefault = Milliseconds(keyspace.TtlDefaultMs),
        TimeToLiveMax = Milliseconds(keyspace.TtlMaxMs),
        ValueBytesMax = keyspace.ValueBytesMax == 0 ? null : keyspace.ValueBytesMax,
        Eventual = keyspace.Eventual is { } policy ? KvEventualPolicy.From(policy) : null,
    };

    internal KeyspaceInfo ToMessage() => new()
    {
        Id = Id,
        Name = Name,
        Mode = (KeyspaceMode)Mode,
        Routing = (RoutingRule)Routing,
        TtlDefaultMs = (long)(TimeToLiveDefault ?? TimeSpan.Zero).TotalMilliseconds,
        TtlMaxMs = (long)(TimeToLiveMax ?? TimeSpan.Zero).TotalMilliseconds,
        ValueBytesMax = ValueBytesMax ?? 0,
        Eventual = Eventual?.ToMessage(),
    };

    private static TimeSpan? Milliseconds(long value) => value == 0 ? null : WireValues.Span(value);
}
