using System.CommandLine;
using System.Globalization;
using KvRaft.Cli.Output;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl status</c>: a summary on one screen. Exit code 7 if something needs attention.</summary>
internal static class StatusCommand
{
    public static Command Create(Shell shell)
    {
        var command = new Command("status", "Show a summary of the cluster.");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var cluster = await ClusterView.AskAsync(client, run.Cancellation);
            var report = StatusReport.Of(cluster);
            await run.Console.Out.WriteLineAsync(run.IsJson ? report.Json(indented: run.Format == OutputFormat.Json) : report.Text());
            return report.Attention.Count == 0 ? ExitCodes.Ok : ExitCodes.Problems;
        }));
        return command;
    }
}

/// <summary>The data of the status screen. Pure.</summary>
internal sealed record StatusReport(
    string ClusterId,
    long Epoch,
    int NodesUp,
    int NodesDown,
    int Shards,
    int ShardsWithLeader,
    int ReplicationFactor,
    int FaultTolerance,
    int Keyspaces,
    long DataBytes,
    IReadOnlyList<string> Attention)
{
    public static StatusReport Of(ClusterView cluster)
    {
        var up = cluster.Nodes.Where(static node => node.Status is not null).Select(static node => node.Route.NodeId).ToHashSet();
        var attention = new List<string>();
        attention.AddRange(cluster.Nodes.Where(static node => node.Status is null)
            .Select(static node => $"node {node.Route.NodeId} ({node.Route.Endpoint}) does not answer: {node.Error}"));
        var leaderless = cluster.Map.Shards.Count(shard => cluster.LeaderOf(shard) is null);
        if (leaderless > 0)
        {
            attention.Add(string.Create(CultureInfo.InvariantCulture, $"{leaderless} shards have no leader"));
        }

        attention.AddRange(cluster.Nodes.SelectMany(Damage));
        attention.AddRange(cluster.Nodes.SelectMany(EventualStore));
        attention.AddRange(cluster.Nodes.SelectMany(Clock));
        return new StatusReport(
            cluster.Map.ClusterId,
            cluster.Map.Epoch,
            up.Count,
            cluster.Nodes.Count - up.Count,
            cluster.Map.ShardCount,
            cluster.Map.Shards.Count - leaderless,
            cluster.Map.Shards.Select(static shard => shard.Replicas.Count).DefaultIfEmpty().Min(),
            cluster.Map.Shards.Select(shard => Tolerance(shard, cluster)).DefaultIfEmpty().Min(),
            cluster.Map.Keyspaces.Count,
            cluster.Nodes.Sum(static node => node.Status?.Groups.Sum(static group => group.Bytes) ?? 0),
            attention);
    }

    public string Text()
    {
        var health = Attention.Count == 0 ? "The store is available." : ShardsWithLeader == Shards ? "Degraded." : "Parts of the store are unavailable.";
        var lines = new List<string>
        {
            FormattableString.Invariant($"Cluster         {ClusterId}     {health}     ring epoch {Epoch}"),
            FormattableString.Invariant($"Configuration   Keyspaces {Keyspaces} - RF {ReplicationFactor} - Shards {Shards}"),
            FormattableString.Invariant($"Nodes           {NodesUp} up, {NodesDown} down - Fault tolerance {Math.Max(0, FaultTolerance)} more {(FaultTolerance == 1 ? "node" : "nodes")}"),
            FormattableString.Invariant($"Shards          {ShardsWithLeader} of {Shards} with a leader"),
            FormattableString.Invariant($"Data            {DataBytes / 1_000_000.0:0.0} MB on all nodes together"),
        };
        lines.AddRange(Attention.Select(static line => $"Attention       [WARN] {line}"));
        return string.Join('\n', lines);
    }

    public string Json(bool indented) => JsonText.Write(
        writer =>
        {
            writer.WriteStartObject();
            writer.WriteString("cluster_id", ClusterId);
            writer.WriteNumber("ring_epoch", Epoch);
            writer.WriteNumber("nodes_up", NodesUp);
            writer.WriteNumber("nodes_down", NodesDown);
            writer.WriteNumber("shards", Shards);
            writer.WriteNumber("shards_with_leader", ShardsWithLeader);
            writer.WriteNumber("replication_factor", ReplicationFactor);
            writer.WriteNumber("fault_tolerance", FaultTolerance);
            writer.WriteNumber("keyspaces", Keyspaces);
            writer.WriteNumber("data_bytes", DataBytes);
            writer.WritePropertyName("attention");
            JsonText.WriteValue(writer, Attention);
            writer.WriteEndObject();
        },
        indented);

    /// <summary>
    /// The number of further nodes of a shard that may fail before it loses its majority; negative: it has lost it. A replica that failed, is being
    /// rebuilt or catches up cannot replace a lost one, so it counts as absent even if its node answers.
    /// </summary>
    private static int Tolerance(ShardRoute shard, ClusterView cluster) =>
        shard.Replicas.Count - cluster.NotServing(shard).Count - ((shard.Replicas.Count / 2) + 1);

    /// <summary>Token ranges are also incomplete for a short time after each change of the ring; only incomplete ranges after damage need attention.</summary>
    private static IEnumerable<string> EventualStore(NodeView node)
    {
        if (node.Status?.Eventual is not { } store)
        {
            yield break;
        }

        if (store.State is not ("" or NodeView.Serves))
        {
            yield return $"node {node.Route.NodeId} eventual store: {store.State}";
        }
        else if (store is { TokenRangesIncomplete: > 0 } && store.Rebuilds + store.RecordsSetAside > 0)
        {
            yield return FormattableString.Invariant(
                $"node {node.Route.NodeId} eventual store: {store.TokenRangesIncomplete} token ranges are incomplete after damage ({store.Rebuilds} rebuilds, {store.RecordsSetAside} records set aside); their answers are not counted as overlapping");
        }
    }

    private static IEnumerable<string> Clock(NodeView node)
    {
        if (node.Status?.Clock is not { } clock)
        {
            yield break;
        }

        if (clock.Skewed)
        {
            yield return FormattableString.Invariant(
                $"node {node.Route.NodeId}: its wall clock is {clock.OffsetMs / 1000.0:+0.0;-0.0} s from the median of the nodes; check its time synchronisation. It leads only shards that no other node can lead");
        }

        if (clock is { Agreed: false, Settled: true })
        {
            yield return $"node {node.Route.NodeId} finds no majority of nodes whose clocks agree; check time synchronisation. Until then values expire by the monotonic clocks of the leaders";
        }

        if (clock.Settled && Math.Abs(clock.AheadMs) > ApproachShownMs && !clock.Skewed)
        {
            yield return FormattableString.Invariant(
                $"node {node.Route.NodeId}: the time of the cluster is {-clock.AheadMs / 1000.0:+0.0;-0.0} s from its wall clock, and approaches it by 1 %; values with an absolute expiry use the time of the cluster");
        }
    }

    /// <summary>Twice the maximum difference between wall clocks that agree.</summary>
    private const long ApproachShownMs = 2_000;

    private static IEnumerable<string> Damage(NodeView node) =>
        node.Status?.Groups.Where(static group => group.State is not (NodeView.Serves or NodeView.Learns))
            .Select(group => FormattableString.Invariant($"node {node.Route.NodeId} {NameOf(group)}: {group.State}{(group.CopyBytes > 0 ? FormattableString.Invariant($" ({100 * group.CopiedBytes / group.CopyBytes} % copied)") : "")}"))
        ?? [];

    private static string NameOf(GroupStatus group) => group.Shard < 0 ? "group 0" : FormattableString.Invariant($"shard {group.Shard}");
}
