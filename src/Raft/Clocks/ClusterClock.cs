using KvRaft.Raft.Telemetry;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Clocks;

/// <summary>This node's clock in comparison with the others.</summary>
/// <param name="Offset">How far its wall clock is ahead of the median of the readable nodes.</param>
/// <param name="IsAgreed">A majority of the nodes agrees about the time.</param>
/// <param name="IsSkewed">Its wall clock is too far from the median; the node transfers its leaderships to nodes with a correct clock.</param>
/// <param name="Ahead">How far its wall clock is ahead of the cluster time, which decides when values expire.</param>
/// <param name="IsSettled">This node has the cluster time.</param>
public sealed record ClockStatus(TimeSpan Offset, bool IsAgreed, bool IsSkewed, TimeSpan Ahead, bool IsSettled);

/// <summary>
/// The cluster time on this node. It advances by the node's monotonic clock, and the wall clocks of a majority only adjust its rate (<see cref="ClusterTime"/>); leaders
/// stamp entries with it, so shards' clocks do not jump either (<see cref="ShardTime"/>).
/// <para>
/// Each node requests the time in every heartbeat interval from every node that it shares groups with, and from the voters of group 0 (<see cref="Peers.NodeWatch"/>). Then it decides
/// (<see cref="ClockVerdict"/>): a node with a wrong wall clock transfers its leaderships and is the last choice as a successor, so that the visible time does not
/// depend on it. Values expire correctly even without this: a leader with a wrong wall clock stamps entries with the cluster time like any other.
/// </para>
/// <para>
/// Limit: it cannot determine the true time. If the wall clocks of a majority are wrong together, the cluster time approaches them.
/// </para>
/// <para>Thread-safe.</para>
/// </summary>
public sealed class ClusterClock
{
    /// <summary>The interval between two log lines about a clock that stays wrong.</summary>
    private static readonly TimeSpan RepeatPause = TimeSpan.FromMinutes(10);

    private readonly NodeId _self;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly long _begun;
    private readonly Lock _gate = new();
    private readonly TaskCompletionSource _settled = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ClusterTime _cluster;
    private volatile ClockVerdict _verdict;
    private int _skewedInARow;
    private int _disagreedInARow;
    private double? _skewToldAt;
    private double? _disagreementToldAt;

    internal ClusterClock(NodeId self, TimeProvider time, ILogger logger)
    {
        _self = self;
        _time = time;
        _logger = logger;
        _begun = time.GetTimestamp();
        var own = OwnReading(null);
        _cluster = new ClusterTime(own.Wall, IsSettled: false, Monotonic);
        _verdict = ClockVerdict.Of([own], 1);
    }

    /// <summary>The present cluster time, Unix milliseconds; before it is settled, this node's wall clock at its start, advanced by the monotonic clock.</summary>
    public long NowMs
    {
        get
        {
            lock (_gate)
            {
                return (long)(_cluster.Ahead + Monotonic);
            }
        }
    }

    public ClockStatus Status
    {
        get
        {
            var verdict = _verdict;
            lock (_gate)
            {
                return new ClockStatus(
                    verdict.OffsetOf(_self) ?? TimeSpan.Zero, verdict.IsAgreed, IsSkewed,
                    TimeSpan.FromMilliseconds(Math.Clamp(OwnReading(null).Wall - _cluster.Ahead, -1e14, 1e14)), _cluster.IsSettled);
            }
        }
    }

    /// <summary>This node's wall clock has been too far from the median for some checks in a row.</summary>
    internal bool IsSkewed => Volatile.Read(ref _skewedInARow) >= ClockRules.VerdictsOfSkew;

    /// <summary>Milliseconds since this object was made, by the monotonic clock.</summary>
    internal double Monotonic => _time.GetElapsedTime(_begun).TotalMilliseconds;

    /// <summary>The settled cluster time, milliseconds ahead of <see cref="Monotonic"/>; null while there is none.</summary>
    internal double? SettledAhead
    {
        get
        {
            lock (_gate)
            {
                return _cluster.IsSettled ? _cluster.Ahead : null;
            }
        }
    }

    /// <summary>Ends when the cluster time is settled here, or the process has waited long enough.</summary>
    internal ValueTask WhenReadyAsync(CancellationToken cancellationToken)
    {
        var patience = ClockRules.SettlePatience - TimeSpan.FromMilliseconds(Monotonic);
        return _settled.Task.IsCompleted || patience <= TimeSpan.Zero
            ? ValueTask.CompletedTask
            : new(Task.WhenAny(_settled.Task, Task.Delay(patience, _time, cancellationToken)));
    }

    /// <summary>This node's answer to a node that compares clocks.</summary>
    internal (long WallMs, long? ClusterMs) Shown()
    {
        lock (_gate)
        {
            return (_time.GetUtcNow().ToUnixTimeMilliseconds(), _cluster.IsSettled ? (long)(_cluster.Ahead + Monotonic) : null);
        }
    }

    /// <summary>True if a node's clock allows it to lead.</summary>
    internal bool MayLead(NodeId node) => _verdict.MayLead(node);

    /// <summary>Compares with the latest readings of other nodes. One caller at a time.</summary>
    /// <param name="others">Readings of the other nodes that answer.</param>
    /// <param name="known">The number of nodes, this one included.</param>
    internal void Compare(IReadOnlyCollection<ClockReading> others, int known)
    {
        bool hasSettled;
        ClockVerdict verdict;
        lock (_gate)
        {
            verdict = ClockVerdict.Of([OwnReading(null), .. others], known);
            var before = _cluster;
            _cluster = before.Adjusted(
                Monotonic, verdict, [.. others.Where(static other => other.Cluster is not null).Select(static other => other.Cluster!.Value)], known);
            hasSettled = _cluster.IsSettled;
            _verdict = verdict;
        }

        if (hasSettled && _settled.TrySetResult())
        {
            LogMessages.ClusterTimeSettled(_logger, _self.Value, DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(NowMs, 0, 253_402_300_799_999)), known);
        }

        Count(ref _skewedInARow, !verdict.MayLead(_self));
        Count(ref _disagreedInARow, !verdict.IsAgreed && verdict.Nodes.Any(node => !verdict.MayLead(node)));
        Tell(verdict);
    }

    private static void Count(ref int inARow, bool again) => Volatile.Write(ref inARow, again ? Math.Min(inARow + 1, ClockRules.VerdictsOfSkew) : 0);

    private void Tell(ClockVerdict verdict)
    {
        var now = Monotonic;
        if (ShouldTell(ref _skewToldAt, IsSkewed, now))
        {
            LogMessages.ClockSkewed(_logger, _self.Value, verdict.OffsetOf(_self)!.Value.TotalSeconds, verdict.Nodes.Count);
        }
        else if (_skewToldAt is not null && Volatile.Read(ref _skewedInARow) == 0)
        {
            _skewToldAt = null;
            LogMessages.ClockRightAgain(_logger, _self.Value);
        }

        if (ShouldTell(ref _disagreementToldAt, _disagreedInARow >= ClockRules.VerdictsOfSkew, now))
        {
            LogMessages.ClocksDisagree(_logger, string.Join(", ", verdict.Nodes.Order().Select(node => FormattableString.Invariant($"{node} {verdict.OffsetOf(node)!.Value.TotalSeconds:+0.0;-0.0;0.0} s"))));
        }
        else if (_disagreedInARow == 0)
        {
            _disagreementToldAt = null;
        }

        static bool ShouldTell(ref double? toldAt, bool isWrong, double now)
        {
            if (!isWrong || (toldAt is { } last && now - last < RepeatPause.TotalMilliseconds))
            {
                return false;
            }

            toldAt = now;
            return true;
        }
    }

    private ClockReading OwnReading(double? cluster) => new(_self, _time.GetUtcNow().ToUnixTimeMilliseconds() - Monotonic, cluster, 0);
}
