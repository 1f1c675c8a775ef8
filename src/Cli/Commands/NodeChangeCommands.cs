using System.CommandLine;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl node add|weight|label|decommission|cancel|replace</c>: changes of nodes, which are staged for the next plan. With <c>--now</c> they are
/// committed at once; with <c>--dry-run</c> they are only printed.
/// </summary>
internal static class NodeChangeCommands
{
    public static Command Add(Shell shell)
    {
        var nodes = Names("The joined nodes that should hold shards.");
        return Of(shell, new Command("add", "Assign shards to nodes that have joined.") { nodes }, run =>
            Each(run.Parsed.GetRequiredValue(nodes), PlanChangeKind.Add));
    }

    public static Command Weight(Shell shell)
    {
        var (node, weight) = (Name(), new Argument<double>("weight") { Description = "Its share relative to other nodes, from 0.01 to 100." });
        return Of(shell, new Command("weight", "Change a node's share of the shards.") { node, weight }, run =>
            [new PlanChange { Kind = PlanChangeKind.Weight, NodeId = run.Parsed.GetRequiredValue(node), Weight = run.Parsed.GetValue(weight) }]);
    }

    public static Command Label(Shell shell)
    {
        var (node, label) = (Name(), new Argument<string>("label") { Description = "zone=NAME; an empty name makes the node a zone of its own." });
        return Of(shell, new Command("label", "Change a node's failure domain.") { node, label }, run =>
        {
            var text = run.Parsed.GetRequiredValue(label);
            return text.StartsWith("zone=", StringComparison.Ordinal)
                ? [new PlanChange { Kind = PlanChangeKind.Zone, NodeId = run.Parsed.GetRequiredValue(node), Zone = text["zone=".Length..] }]
                : throw new UsageException("the label is zone=NAME");
        });
    }

    public static Command Decommission(Shell shell)
    {
        var nodes = Names("The nodes to remove permanently.");
        return Of(shell, new Command("decommission", "Move all shards off nodes and then remove them permanently; their names are never reused.") { nodes }, run =>
            Each(run.Parsed.GetRequiredValue(nodes), PlanChangeKind.Decommission));
    }

    public static Command Cancel(Shell shell)
    {
        var nodes = Names("The leaving nodes that should stay.");
        return Of(
            shell,
            new Command("cancel", "Revert a decommission. Cancel its moves first (operator cancel), or wait for them.") { nodes },
            run => Each(run.Parsed.GetRequiredValue(nodes), PlanChangeKind.Add));
    }

    public static Command Replace(Shell shell)
    {
        var old = new Argument<string>("old") { Description = "The node to remove permanently." };
        var @new = new Argument<string>("new") { Description = "The joined node that replaces it." };
        return Of(shell, new Command("replace", "Add one node and decommission another in one plan.") { old, @new }, run =>
        [
            new PlanChange { Kind = PlanChangeKind.Add, NodeId = run.Parsed.GetRequiredValue(@new) },
            new PlanChange { Kind = PlanChangeKind.Decommission, NodeId = run.Parsed.GetRequiredValue(old) },
        ]);
    }

    /// <summary>A command that stages changes, or commits them at once.</summary>
    internal static Command Of(Shell shell, Command command, Func<Invocation, IReadOnlyList<PlanChange>> changes)
    {
        var now = new Option<bool>("--now") { Description = "Commit at once instead of staging." };
        var dryRun = new Option<bool>("--dry-run") { Description = "Only print the plan." };
        var wait = new Option<bool>("--wait") { Description = "With --now: return when the plan is complete." };
        command.Add(now);
        command.Add(dryRun);
        command.Add(wait);
        command.SetAction(shell.Change(async run =>
        {
            var wanted = changes(run);
            await using var client = run.Connect();
            var administration = client.Administration.Calls;
            if (run.Parsed.GetValue(dryRun))
            {
                return await PlanText.ShowAsync(run, await administration.TryPlanAsync(wanted, run.Cancellation));
            }

            if (!run.Parsed.GetValue(now))
            {
                var code = await PlanText.ShowAsync(run, await administration.StageAsync(wanted, run.Cancellation));
                await run.Console.Error.WriteLineAsync("kvctl: staged; show with: kvctl plan show; apply with: kvctl plan commit");
                return code;
            }

            var plan = await administration.CommitPlanAsync(wanted, run.Cancellation);
            await PlanText.CommittedAsync(run, plan);
            return run.Parsed.GetValue(wait) ? await PlanWatch.UntilDoneAsync(run, client, plan) : ExitCodes.Ok;
        }));
        return command;
    }

    private static Argument<string> Name() => new("node") { Description = "The name of the node." };

    private static Argument<string[]> Names(string description) => new("nodes") { Description = description, Arity = ArgumentArity.OneOrMore };

    private static PlanChange[] Each(string[] nodes, PlanChangeKind kind) => [.. nodes.Select(node => new PlanChange { Kind = kind, NodeId = node })];
}
