using KvRaft.Node.Requests;
using KvRaft.Node.Shards;
using KvRaft.V1;
using ReadConsistency = KvRaft.V1.ReadOptions.ConsistencyOneofCase;

namespace KvRaft.Node.ShardRequests;

/// <summary>
/// Which replica may answer a read, and which consistency the answer may report.
/// <para>
/// The leader answers a linearizable read after a quorum round. A request names each other consistency explicitly, and the replica of
/// the node that received the request may answer it, leader or not:
/// <list type="bullet">
/// <item>BOUNDED: a follower requests a quorum round of the leader from time to time, and applies up to the index it names; then its state is
/// at least as new as the moment of the request. The age in the answer is counted from that moment on this node's monotonic clock, so no
/// two clocks are compared. A deposed leader gets no quorum, so it cannot make a replica look newer than it is.</item>
/// <item>AT_LEAST: a replica that has applied the version of its shard that the caller has seen (<see cref="SessionCheck"/>); if it has not, it catches up with the
/// leader once.</item>
/// <item>ANY: the replica as it is. The answer has its age if the age is known.</item>
/// <item>None of them by a replica that restarted and has not yet applied again the entries that it may have applied and shown before: it would report keys as absent that
/// were present.</item>
/// <item>LEADER_LEASE is served as linearizable, and the answer reports it so: a lease is safe only while no voter loses the time of its last contact with the leader, and
/// a voter that restarts loses it. Nothing cheaper than a quorum round is proved correct here.</item>
/// </list>
/// If a replica cannot deliver the consistency, the request does not fail: it goes to the leader, whose linearizable answer meets every consistency.
/// </para>
/// </summary>
internal static class ReadGate
{
    /// <summary>
    /// How long a replica tries to catch up before the request goes to the leader: one heartbeat interval (0.4 s by default), within which a follower
    /// receives the commit index at the latest.
    /// </summary>
    private static readonly TimeSpan CatchUpPatience = TimeSpan.FromMilliseconds(500);

    /// <summary>The consistency that a replica on this node delivers without the leader; null: the leader must answer.</summary>
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

            // If the leader does not have it either, the leader refuses it.
            ReadConsistency.AtLeast or ReadConsistency.Bounded when replica.IsLeader => default,
            ReadConsistency.Bounded when replica.Age <= Bound(options) => new(new ReadPermit(Consistency.BoundedStaleness, Bound(options))),
            ReadConsistency.AtLeast or ReadConsistency.Bounded => CatchUpAsync(replica, options, deadline, time),
            _ => default,
        };
    }

    /// <summary>On the leader, after a barrier: whether even the leader lacks the requested version.</summary>
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

/// <summary>The consistency that a read delivers.</summary>
/// <param name="Delivered">Its name.</param>
/// <param name="AgeMax">The greatest age that data may have when they have been read; null: any. The time that an answer waits after that is added to its age.</param>
internal readonly record struct ReadPermit(Consistency Delivered, TimeSpan? AgeMax)
{
    public static readonly ReadPermit Linearizable = new(Consistency.Linearizable, null);

    public static readonly ReadPermit Any = new(Consistency.Any, null);
}
