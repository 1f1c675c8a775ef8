using System.CommandLine;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl node drain NODE</c>, <c>node undrain NODE</c>. A drained node keeps its replicas, but leads no group and serves no reads, so it can be
/// stopped without an effect on clients. The command ends when the node itself reports this state.
/// </summary>
internal static class DrainCommand
{
    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(200);

    public static Command Drain(Shell shell)
    {
        var name = Name();
        var command = new Command("drain", "Move leaderships and reads away from a node, so that it can be stopped.") { name };
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
        var command = new Command("undrain", "Let a drained node lead and serve reads again.") { name };
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
                    await run.Console.Out.WriteLineAsync($"[OK] {answer.Node.NodeId} leads no group and serves no reads. It can be stopped; afterwards: kvctl node undrain {answer.Node.NodeId}");
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
            await run.Console.Error.WriteLineAsync($"kvctl: {answer.Node.NodeId} is still being drained; undo with: kvctl node undrain {answer.Node.NodeId}");
            return ExitCodes.Interrupted;
        }
    }

    /// <summary>
    /// The number of groups that the node leads according to its own status (null: it does not answer), and whether the node has received the drain.
    /// </summary>
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
