using System.CommandLine;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl plan show|commit|clear|rebalance</c>: the staged changes, and the moves that they cause.</summary>
internal static class PlanCommand
{
    public static Command Create(Shell shell) => new("plan", "The plan: staged changes of nodes and the moves that they cause.")
    {
        Show(shell),
        Commit(shell),
        Clear(shell),
        NodeChangeCommands.Of(
            shell,
            new Command("rebalance", "Move shards to where the ring places them, without a change of nodes."),
            static _ => [new PlanChange { Kind = PlanChangeKind.Rebalance }]),
    };

    private static Command Show(Shell shell)
    {
        var command = new Command("show", "Show the staged changes and the moves that they would cause.");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            return await PlanText.ShowAsync(run, await client.Administration.Calls.ShowPlanAsync(run.Cancellation));
        }));
        return command;
    }

    private static Command Commit(Shell shell)
    {
        var wait = new Option<bool>("--wait") { Description = "Return when the plan is complete." };
        var command = new Command("commit", "Commit the staged changes.") { wait };
        command.SetAction(shell.Change(async run =>
        {
            await using var client = run.Connect();
            var plan = await client.Administration.Calls.CommitPlanAsync(run.Cancellation);
            await PlanText.CommittedAsync(run, plan);
            return run.Parsed.GetValue(wait) ? await PlanWatch.UntilDoneAsync(run, client, plan) : ExitCodes.Ok;
        }));
        return command;
    }

    private static Command Clear(Shell shell)
    {
        var command = new Command("clear", "Discard the staged changes.");
        command.SetAction(shell.Change(async run =>
        {
            await using var client = run.Connect();
            await client.Administration.Calls.ClearPlanAsync(run.Cancellation);
            await run.Console.Out.WriteLineAsync("Nothing is staged.");
            return ExitCodes.Ok;
        }));
        return command;
    }
}
