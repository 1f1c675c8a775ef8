using System.Globalization;
using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary>Formats a plan for people. Pure, apart from the output.</summary>
internal static class PlanText
{
    private static readonly JsonFormatter Json = new(JsonFormatter.Settings.Default.WithPreserveProtoFieldNames(true).WithFormatDefaultValues(true));

    public static async Task<int> ShowAsync(Invocation run, PlanInfo plan)
    {
        await run.Console.Out.WriteLineAsync(run.IsJson ? Json.Format(plan) : string.Join('\n', Lines(plan)));
        return ExitCodes.Ok;
    }

    public static async Task CommittedAsync(Invocation run, PlanInfo plan)
    {
        await run.Console.Out.WriteLineAsync(run.IsJson
            ? Json.Format(plan)
            : string.Create(CultureInfo.InvariantCulture, $"Plan {plan.Plan} committed at ring epoch {plan.Epoch}: {Count(plan.Moves.Count, "move")}."));
        await run.Console.Out.FlushAsync(run.Cancellation);
    }

    public static IEnumerable<string> Lines(PlanInfo plan)
    {
        if (plan.Changes.Count == 0)
        {
            yield return "Nothing is staged.";
        }

        foreach (var change in plan.Changes)
        {
            yield return $"Change           {Describe(change)}";
        }

        foreach (var share in plan.Shares)
        {
            yield return FormattableString.Invariant(
                $"Shards on {share.NodeId,-6} {share.ShardsBefore} -> {share.ShardsAfter}{(share.ShardsBefore == share.ShardsAfter ? "" : FormattableString.Invariant($"  ({share.ShardsAfter - share.ShardsBefore:+0;-0})"))}");
        }

        foreach (var pair in plan.Moves.CountBy(static move => (move.FromNode, move.ToNode)).OrderBy(static pair => pair.Key))
        {
            yield return $"Moves            {pair.Key.FromNode} -> {pair.Key.ToNode}: {Count(pair.Value, "shard")}";
        }

        yield return FormattableString.Invariant($"Total            {Count(plan.Moves.Count, "move")}, {Bytes(plan.Bytes)}{Eta(plan)}");
        yield return FormattableString.Invariant(
            $"Fault tolerance  {plan.ToleranceBefore} before, {plan.ToleranceDuring} during, {plan.ToleranceAfter} after (nodes); any one zone: {Word(plan.ZoneToleranceBefore)} before, {Word(plan.ZoneToleranceAfter)} after");
        foreach (var warning in plan.Warnings)
        {
            yield return $"[WARN] {warning}";
        }
    }

    public static string Describe(PlanChange change) => change.Kind switch
    {
        PlanChangeKind.Weight => FormattableString.Invariant($"weight {change.NodeId} {change.Weight}"),
        PlanChangeKind.Zone => $"label {change.NodeId} zone={change.Zone}",
        PlanChangeKind.SetAside => $"set {change.NodeId} aside",
        PlanChangeKind.Rebalance => "rebalance",
        PlanChangeKind.Decommission => $"decommission {change.NodeId}",
        _ => $"add {change.NodeId}",
    };

    public static string Count(int count, string one) => FormattableString.Invariant($"{count} {one}{(count == 1 ? "" : "s")}");

    private static string Word(bool isSo) => isSo ? "yes" : "no";

    private static string Bytes(long bytes) => bytes < 0 ? "of unknown size" : FormattableString.Invariant($"{bytes / 1_000_000.0:0.0} MB");

    private static string Eta(PlanInfo plan) =>
        plan.EtaMs < 0 || plan.Moves.Count == 0 ? "" : FormattableString.Invariant($", copied in {plan.EtaMs / 1000.0:0.0}s at the full rate");
}
