using System.CommandLine;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl plan show|commit|clear|rebalance</c>: what is staged, and what it would move.</summary>
internal static class PlanCommand
{
    public static Command Create(Shell shell) => new("plan", "The plan: staged changes of nodes and the moves they make.")
    {
        Show(shell),
        Commit(shell),
        Clear(shell),
        NodeChangeCommands.Of(
            shell,
            new Command("rebalance", "Move shards to where the ring wants them, with no change of nodes."),
            static _ => [new PlanChange { Kind = PlanChangeKind.Rebalance }]),
    };

    private static Command Show(Shell shell)
    {
        var command = new Command("show", "Show what is staged and what it would move.");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            return await PlanText.ShowAsync(run, await client.Administration.Calls.ShowPlanAsync(run.Cancellation));
        }));
        return command;
    }

    private static Command Commit(Shell shell)
    {
        var wait = new Option<bool>("--wait") { Description = "Answer when everything is done." };
        var command = new Command("commit", "Do what is staged.") { wait };
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
        var command = new Command("clear", "Forget what is staged.");
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
