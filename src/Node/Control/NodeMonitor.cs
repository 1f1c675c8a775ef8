using System.Collections.Concurrent;
using System.Collections.Immutable;
using Grpc.Core;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Placement.Planning;
using KvRaft.Raft;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Control;

/// <summary>The last report of a node.</summary>
/// <param name="Health">Derived from the length of its silence.</param>
/// <param name="Silence">Since its last answer, or since this node became leader.</param>
/// <param name="Status">The content of its last answer; null: it has not answered since this node became leader.</param>
/// <param name="Suspicion">How improbable the silence is; phi.</param>
internal sealed record NodeReport(NodeHealthState Health, TimeSpan Silence, StatusResponse? Status, double Suspicion = 0);

/// <summary>
/// On the leader of group 0: queries the status of every node once a second, and records the time and regularity of the answers
/// (<see cref="HeartbeatDetector"/>). None of this is replicated; the next leader starts again, and a silence begins with its leadership.
/// </summary>
internal sealed class NodeMonitor(
    NodeOptions options, PlacementAgent placement, PeerDirectory peers, OwnStatus own, ShardMapHolder map, CopyPacer pacer,
    NodeFailure failure, TimeProvider time, ILogger<NodeMonitor> logger) : BackgroundService
{
    /// <summary>The time between two queries, and the timeout of one. A shorter pause of a node is not detected; a cluster of a thousand nodes needs a thousand queries a second.</summary>
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);

    /// <summary>Two answers may be lost or late, by a pause of that node or of this one, before a silence is suspicious.</summary>
    private static readonly TimeSpan PauseAccepted = 2 * Period;

    private readonly ConcurrentDictionary<NodeId, Heard> _heard = new();
    private readonly ConcurrentDictionary<NodeId, NodeHealthState> _told = new();
    private readonly HealthLimits _limits = new()
    {
        DownAfter = options.Timings.NodeDownAfter,
        DeadAfter = options.Timings.NodeDeadAfter,
    };

    /// <summary>Raised after each round of queries.</summary>
    public ChangeSignal Rounds { get; } = new();

    /// <summary>Every node of the cluster; meaningful on the leader only.</summary>
    public IReadOnlyDictionary<NodeId, NodeReport> Reports() => placement.State.Nodes.ToDictionary(static node => node.Id, node => ReportOf(node.Id));

    public NodeReport ReportOf(NodeId node)
    {
        if (node == options.NodeId)
        {
            return new NodeReport(NodeHealthState.Up, TimeSpan.Zero, own.Now());
        }

        // A node that joined a moment ago has not been queried yet.
        var heard = _heard.GetOrAdd(node, NotYet);
        var (silence, suspicion) = (time.GetElapsedTime(heard.At), heard.Detector.Suspicion);
        return new NodeReport(NodeHealth.Of(silence, suspicion, _limits), silence, heard.Status, suspicion);
    }

    /// <summary>The facts from which plans are made.</summary>
    public static ClusterFacts Facts(IReadOnlyDictionary<NodeId, NodeReport> reports)
    {
        var bytes = ImmutableDictionary.CreateBuilder<ShardId, long>();
        foreach (var group in reports.Values.SelectMany(static report => report.Status?.Groups ?? []).Where(static group => group.Shard >= 0))
        {
            var shard = new ShardId(group.Shard);
            bytes[shard] = Math.Max(bytes.GetValueOrDefault(shard), group.Bytes);
        }

        return new ClusterFacts
        {
            Away = [.. reports.Where(static pair => pair.Value.Health != NodeHealthState.Up).Select(static pair => pair.Key)],
            ShardBytes = bytes.ToImmutable(),
            FreeBytes = reports.Where(static pair => pair.Value.Status is not null)
                .ToImmutableDictionary(static pair => pair.Key, static pair => pair.Value.Status!.DiskFreeBytes),
        };
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(AskForeverAsync, stoppingToken);

    private async Task AskForeverAsync(CancellationToken cancellationToken)
    {
        using var pace = new PeriodicTimer(Period, time);
        while (true)
        {
            // Taken before the state is read; see ChangeSignal.
            var news = map.Changes.Next;
            if (!placement.Group.IsLeader)
            {
                _heard.Clear();
                _told.Clear();
                pacer.Forget();
                await news.WaitAsync(cancellationToken);
                continue;
            }

            await Task.WhenAll(placement.State.Nodes.Where(node => node.Id != options.NodeId).Select(node => AskAsync(node.Id, cancellationToken)));
            Tell();
            pacer.Look(Reports());
            Rounds.Raise();
            await pace.WaitForNextTickAsync(cancellationToken);
        }
    }

    private async Task AskAsync(NodeId node, CancellationToken cancellationToken)
    {
        if (peers.Find(node) is not { } peer)
        {
            return;
        }

        try
        {
            var status = await peer.Admin.HeartbeatAsync(
                new HeartbeatRequest { CopyBytesPerSecond = pacer.BytesPerSecond }, deadline: DateTime.UtcNow + Period, cancellationToken: cancellationToken);
            if (status.NodeId == node.Value && status.ClusterId == options.ClusterId.ToString())
            {
                var detector = _heard.GetOrAdd(node, NotYet).Detector;
                detector.Heard();
                _heard[node] = new Heard(time.GetTimestamp(), status, detector);
            }
        }
        catch (Exception error) when (error is RpcException or ObjectDisposedException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _heard.GetOrAdd(node, NotYet);
        }
    }

    private void Tell()
    {
        foreach (var node in placement.State.Nodes.Where(node => node.Id != options.NodeId))
        {
            var health = ReportOf(node.Id).Health;
            if (_told.GetValueOrDefault(node.Id, NodeHealthState.Up) != health)
            {
                _told[node.Id] = health;
                logger.NodeHealthChanged(node.Id, health);
            }
        }
    }

    private Heard NotYet(NodeId node) => new(time.GetTimestamp(), null, new HeartbeatDetector(Period, PauseAccepted, time));

    private sealed record Heard(long At, StatusResponse? Status, HeartbeatDetector Detector);
}
