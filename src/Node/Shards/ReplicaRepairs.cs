using System.Collections.Concurrent;
using KvRaft.Raft.Consensus;
using KvRaft.Raft.Membership;
using KvRaft.Topology;

namespace KvRaft.Node.Shards;

/// <summary>A replica that is not open here although it should be, and why.</summary>
internal sealed record UnopenedReplica(ShardId Shard, int Incarnation, string Why);

/// <summary>
/// The failures of replicas on this node: when each may be opened again, the index that readers had seen before, and how often its state was set aside.
/// Written by the loop of <see cref="ShardHost"/>, read by status and metrics. Thread-safe.
/// </summary>
internal sealed class ReplicaRepairs(TimeProvider time)
{
    /// <summary>
    /// The first repair starts at once; each further one of the same replica waits twice as long as the one before. If a replica is damaged repeatedly,
    /// the disk or the memory is faulty, and without the wait the node would only copy.
    /// </summary>
    private static readonly TimeSpan DelayFirst = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan DelayMax = TimeSpan.FromMinutes(5);

    /// <summary>Lack of disk space is no sign of a faulty disk, and ends without a repair.</summary>
    private static readonly TimeSpan RoomDelayMax = TimeSpan.FromSeconds(4);

    /// <summary>Nor is a lack of descriptors or access. Each attempt needs some of them, so it waits longer than for disk space.</summary>
    private static readonly TimeSpan ResourceDelayMax = TimeSpan.FromSeconds(30);

    /// <summary>If a replica had no fault for this long, its count starts again.</summary>
    private static readonly TimeSpan WellAfter = TimeSpan.FromMinutes(30);

    /// <summary>How often the loop checks while a replica waits for disk space or for its next attempt.</summary>
    private static readonly TimeSpan Pace = TimeSpan.FromSeconds(1);

    private readonly ConcurrentDictionary<ShardId, Course> _courses = new();
    private readonly ConcurrentDictionary<ShardId, UnopenedReplica> _unopened = new();
    private long _setAside;

    /// <summary>States set aside since this process started, of all shards.</summary>
    public long SetAside => Interlocked.Read(ref _setAside);

    /// <summary>Replicas that could not be opened.</summary>
    public IReadOnlyCollection<UnopenedReplica> Unopened => [.. _unopened.Values.OrderBy(static replica => replica.Shard)];

    /// <summary>A replica waits here for time or disk space.</summary>
    public bool ArePending => !_unopened.IsEmpty;

    /// <summary>How often the state of this replica was set aside since this process started.</summary>
    public int CountOf(ShardId shard) => _courses.TryGetValue(shard, out var course) ? course.SetAside : 0;

    /// <summary>Null: the replica may be opened now. Otherwise the remaining wait.</summary>
    public TimeSpan? Delay(ShardId shard) =>
        _courses.TryGetValue(shard, out var course) && course.Wait - time.GetElapsedTime(course.At) is { Ticks: > 0 } left ? left : null;

    /// <summary>The facts for the group that opens the replica again.</summary>
    public GroupSpec Inform(ShardId shard, GroupSpec spec) => _courses.TryGetValue(shard, out var course)
        ? spec with { StateLostBecause = course.Reason, AppliedBefore = course.AppliedBefore }
        : spec;

    /// <summary>The replica was closed after a fault, and is opened again.</summary>
    /// <param name="shard">The shard of the replica.</param>
    /// <param name="fault">The fault.</param>
    /// <param name="applied">The index up to which readers may have seen it.</param>
    public void Closed(ShardId shard, ReplicaFault fault, long applied)
    {
        var before = _courses.GetValueOrDefault(shard, Course.None);
        var tries = time.GetElapsedTime(before.At) > WellAfter ? 0 : before.Tries;
        var isDamage = fault.Loss == ReplicaLoss.State;
        _courses[shard] = new Course(
            time.GetTimestamp(),
            tries + 1,
            DelayAfter(tries, fault.Loss),
            isDamage ? fault.Message : null,
            Math.Max(applied, before.AppliedBefore),
            before.SetAside + (isDamage ? 1 : 0));
        if (isDamage)
        {
            Interlocked.Increment(ref _setAside);
        }
    }

    /// <summary>It could not be opened: it is tried again.</summary>
    public void Failed(ShardId shard, int incarnation, ReplicaFault fault)
    {
        Closed(shard, fault, applied: 0);
        _unopened[shard] = new UnopenedReplica(shard, incarnation, fault.Message);
    }

    /// <summary>It is open.</summary>
    /// <param name="shard">The shard of the replica.</param>
    /// <param name="fault">
    /// The state it lacks. An engine may open with less state than it had and report nothing (a manifest that was cut between two records): only the log shows it.
    /// </param>
    public void Opened(ShardId shard, ReplicaFault? fault)
    {
        _unopened.TryRemove(shard, out _);
        if (fault is { Loss: ReplicaLoss.State } && _courses.GetValueOrDefault(shard, Course.None).Reason is null)
        {
            Closed(shard, fault, applied: 0);
        }
    }

    /// <summary>The replica serves again: the reason does not apply to the next opening.</summary>
    public void Healed(ShardId shard)
    {
        if (_courses.TryGetValue(shard, out var course) && course.Reason is not null)
        {
            _courses.TryUpdate(shard, course with { Reason = null, AppliedBefore = 0 }, course);
        }
    }

    /// <summary>No replica of the shard is wanted here any more.</summary>
    public void Forget(ShardId shard) => _unopened.TryRemove(shard, out _);

    /// <summary>Waits for news, and only for a moment while a replica waits for another condition.</summary>
    public async Task NextAsync(Task news, bool isWaiting, CancellationToken cancellationToken)
    {
        if (!isWaiting && !ArePending)
        {
            await news.WaitAsync(cancellationToken);
            return;
        }

        await Task.WhenAny(news, Task.Delay(Pace, time, cancellationToken));
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>The wait before another repair, by the number of earlier ones. Pure.</summary>
    internal static TimeSpan DelayAfter(int tries)
    {
        var delay = tries == 0 ? TimeSpan.Zero : DelayFirst * Math.Pow(2, Math.Min(tries - 1, 16));
        return delay < DelayMax ? delay : DelayMax;
    }

    /// <summary>As above, bounded by what was lost. Pure.</summary>
    internal static TimeSpan DelayAfter(int tries, ReplicaLoss loss)
    {
        var (delay, limit) = (DelayAfter(tries), loss switch { ReplicaLoss.Room => RoomDelayMax, ReplicaLoss.Resource => ResourceDelayMax, _ => DelayMax });
        return delay < limit ? delay : limit;
    }

    /// <param name="At">The time of the last fault, by the monotonic clock.</param>
    /// <param name="Tries">Faults in a row.</param>
    /// <param name="Wait">It is not opened again before this time has passed since the fault.</param>
    /// <param name="Reason">Why its state was set aside; null: it was not.</param>
    /// <param name="AppliedBefore">The index up to which readers may have seen it.</param>
    /// <param name="SetAside">How often.</param>
    private sealed record Course(long At, int Tries, TimeSpan Wait, string? Reason, long AppliedBefore, int SetAside)
    {
        public static readonly Course None = new(0, 0, TimeSpan.Zero, null, 0, 0);
    }
}
