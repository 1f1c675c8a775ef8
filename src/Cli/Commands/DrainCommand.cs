using System.CommandLine;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl node drain NODE</c>, <c>node undrain NODE</c>. A drained node keeps its replicas, but leads nothing and is not read from: it can be stopped
/// without a client noticing. The verb ends when the node itself says that it is so.
/// </summary>
internal static class DrainCommand
{
    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(200);

    public static Command Drain(Shell shell)
    {
        var name = Name();
        var command = new Command("drain", "Have a node lead nothing and not be read from, so that it can be stopped.") { name };
        command.SetAction(shell.Change(async run =>
        {
            await using var client = run.Connect();
            var answer = await client.Administration.Calls.DrainNodeAsync(run.Parsed.GetRequiredValue(name), undrain: false, run.Cancellation);
            return await UntilDrainedAsync(run, client, answer);
        }));
        return command;
    }

    public static Command Undrain(Shell shell)
    {
        var name = Name();
        var command = new Command("undrain", "Have a drained node lead and be read from again.") { name };
        command.SetAction(shell.Change(async run =>
        {
            await using var client = run.Connect();
            var answer = await client.Administration.Calls.DrainNodeAsync(run.Parsed.GetRequiredValue(name), undrain: true, run.Cancellation);
            await run.Console.Out.WriteLineAsync($"[OK] {answer.Node.NodeId} is active again.");
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Argument<string> Name() => new("node") { Description = "The name of the node." };

    private static async Task<int> UntilDrainedAsync(Invocation run, KvClient client, NodeAnswer answer)
    {
        int? shown = null;
        try
        {
            while (true)
            {
                var (leads, knows) = await LookAsync(run, client, answer);
                if (leads == 0 && knows)
                {
                    await run.Console.Out.WriteLineAsync($"[OK] {answer.Node.NodeId} leads nothing and is not read from. It can be stopped; afterwards: kvctl node undrain {answer.Node.NodeId}");
                    return ExitCodes.Ok;
                }

                if (leads != shown)
                {
                    shown = leads;
                    await run.Console.Out.WriteLineAsync(leads is { } count
                        ? $"  {answer.Node.NodeId} still leads {PlanText.Count(count, "group")}"
                        : $"  {answer.Node.NodeId} does not answer");
                    await run.Console.Out.FlushAsync(run.Cancellation);
                }

                await Task.Delay(LookPeriod, run.Console.Time, run.Cancellation);
            }
        }
        catch (OperationCanceledException) when (run.Cancellation.IsCancellationRequested)
        {
            await run.Console.Error.WriteLineAsync($"kvctl: {answer.Node.NodeId} is being drained all the same; undo with: kvctl node undrain {answer.Node.NodeId}");
            return ExitCodes.Interrupted;
        }
    }

    /// <summary>How many groups the node says it leads (null: it does not answer), and whether it has heard that it is drained.</summary>
    private static async Task<(int? Leads, bool Knows)> LookAsync(Invocation run, KvClient client, NodeAnswer answer)
    {
        try
        {
            var status = await client.Administration.Calls.GetStatusAsync(answer.Node.Public, TimeSpan.FromSeconds(2), run.Cancellation);
            return (status.Groups.Count(static group => group.Role == ReplicaRole.Leader), status.State == NodeState.Draining);
        }
        catch (KvException)
        {
            run.Cancellation.ThrowIfCancellationRequested();
            return (null, false);
        }
    }
}
