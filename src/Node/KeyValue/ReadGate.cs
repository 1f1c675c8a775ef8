using KvRaft.Node.Requests;
using KvRaft.Node.Shards;
using KvRaft.V1;
using ReadConsistency = KvRaft.V1.ReadOptions.ConsistencyOneofCase;

namespace KvRaft.Node.KeyValue;

/// <summary>
/// Which replica may answer a read, and what the answer may say about itself.
/// <para>
/// A linearizable read is the leader's, behind a quorum round. The others are asked for by name and may be answered by the replica of
/// the node that was asked, leader or not:
/// <list type="bullet">
/// <item>BOUNDED: a follower asks the leader for a quorum round of its own now and then, and applies what that names; then its state is
/// at least as new as the moment it asked. The age in the answer is counted from that moment on this node's monotonic clock, so no
/// two clocks are compared, and a deposed leader, which gets no quorum, makes nobody look young.</item>
/// <item>AT_LEAST: a replica that has applied the version of its shard that the caller has seen (<see cref="SessionCheck"/>); if it has not, it catches up with the
/// leader once.</item>
/// <item>ANY: the replica as it is. Its age is told if it is known.</item>
/// <item>None of them by a replica that was started and has not applied again what it may have applied, and shown, before: it would answer that keys which
/// were there are not.</item>
/// <item>LEADER_LEASE is served as linearizable, and says so: a lease is safe only while no voter forgets that it heard the leader, and
/// a voter that was restarted has forgotten. Nothing cheaper than a round is known to be correct here.</item>
/// </list>
/// A replica that cannot keep the promise is no failure: the leader is asked, whose linearizable answer keeps every promise.
/// </para>
/// </summary>
internal static class ReadGate
{
    /// <summary>
    /// How long a replica tries to catch up before the leader is asked instead: a heartbeat (0.4 s by default), by which a follower learns
    /// at the latest what is committed.
    /// </summary>
    private static readonly TimeSpan CatchUpPatience = TimeSpan.FromMilliseconds(500);

    /// <summary>The promise a replica on this node keeps without being asked through the leader; null: it must be the leader.</summary>
    public static ValueTask<ReadPermit?> TryNearAsync(ShardReplica? replica, ReadOptions? options, Deadline deadline, TimeProvider time)
    {
        if (replica is null || options is null || !replica.IsRunning || replica.IsResting || !replica.IsReplayed)
        {
            return default;
        }

        return options.ConsistencyCase switch
        {
            ReadConsistency.Any => new(ReadPermit.Any),
            ReadConsistency.AtLeast when Has(replica, options) => new(new ReadPermit(Consistency.AtLeast, null)),

            // What the leader does not have either is refused by it.
            ReadConsistency.AtLeast or ReadConsistency.Bounded when replica.IsLeader => default,
            ReadConsistency.Bounded when replica.Age <= Bound(options) => new(new ReadPermit(Consistency.BoundedStaleness, Bound(options))),
            ReadConsistency.AtLeast or ReadConsistency.Bounded => CatchUpAsync(replica, options, deadline, time),
            _ => default,
        };
    }

    /// <summary>Of the leader, behind a barrier: whether even it lacks what was asked for.</summary>
    public static Failure? CheckLeader(ShardReplica replica, ReadOptions? options) =>
        options is { ConsistencyCase: ReadConsistency.AtLeast } && !Has(replica, options)
            ? Failure.StaleReplica($"shard {replica.Shard} has not given out version {SessionCheck.VersionOf(options.AtLeast, replica.Shard)} yet")
            : null;

    private static async ValueTask<ReadPermit?> CatchUpAsync(ShardReplica replica, ReadOptions options, Deadline deadline, TimeProvider time)
    {
        var left = deadline.Remaining(time);
        var patience = left < CatchUpPatience ? left : CatchUpPatience;
        if (patience <= TimeSpan.Zero || !await replica.TryCatchUpAsync(patience))
        {
            return null;
        }

        if (options.ConsistencyCase == ReadConsistency.AtLeast)
        {
            return Has(replica, options) ? new ReadPermit(Consistency.AtLeast, null) : null;
        }

        return replica.Age <= Bound(options) ? new ReadPermit(Consistency.BoundedStaleness, Bound(options)) : null;
    }

    private static bool Has(ShardReplica replica, ReadOptions options) => replica.Store.Revision >= SessionCheck.VersionOf(options.AtLeast, replica.Shard);

    private static TimeSpan Bound(ReadOptions options) =>
        TimeSpan.FromMilliseconds(Math.Min(options.Bounded.MaxStalenessMs, (long)TimeSpan.FromDays(365).TotalMilliseconds));
}

/// <summary>The promise a read keeps.</summary>
/// <param name="Delivered">Its name.</param>
/// <param name="AgeMax">The age that data may have when they have been read; null: any. What an answer waits for after that is told in its age.</param>
internal readonly record struct ReadPermit(Consistency Delivered, TimeSpan? AgeMax)
{
    public static readonly ReadPermit Linearizable = new(Consistency.Linearizable, null);

    public static readonly ReadPermit Any = new(Consistency.Any, null);
}
