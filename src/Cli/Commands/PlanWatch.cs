using System.Diagnostics;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary>Prints the progress of a plan. The cluster executes the plan; an interruption of the command does not stop it.</summary>
internal static class PlanWatch
{
    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(500);

    public static async Task<int> UntilDoneAsync(Invocation run, KvClient client, PlanInfo plan)
    {
        var begun = Stopwatch.GetTimestamp();
        var leaving = plan.Changes.Where(static change => change.Kind == PlanChangeKind.Decommission).Select(static change => change.NodeId).ToArray();
        var (shown, said) = (-1, "");
        try
        {
            while (true)
            {
                var operators = await client.Administration.Calls.ListOperatorsAsync(history: true, run.Cancellation);
                var left = operators.Operators.Where(one => one.Plan == plan.Plan).ToArray();
                var done = plan.Moves.Count - left.Length;
                if (done != shown)
                {
                    shown = done;
                    await run.Console.Out.WriteLineAsync(FormattableString.Invariant(
                        $"  {done}/{plan.Moves.Count} moves done  {Stopwatch.GetElapsedTime(begun).TotalSeconds,6:0.0}s  {Describe(left)}").TrimEnd());
                    await run.Console.Out.FlushAsync(run.Cancellation);
                }

                if (left.Length == 0)
                {
                    var (areGone, note) = await AreGoneAsync(client, leaving, run.Cancellation);
                    if (areGone)
                    {
                        return await EndAsync(run, operators, plan, leaving, begun);
                    }

                    if (note.Length > 0 && note != said)
                    {
                        said = note;
                        await run.Console.Out.WriteLineAsync(FormattableString.Invariant($"  {note}  {Stopwatch.GetElapsedTime(begun).TotalSeconds,6:0.0}s"));
                        await run.Console.Out.FlushAsync(run.Cancellation);
                    }
                }

                await Task.Delay(LookPeriod, run.Console.Time, run.Cancellation);
            }
        }
        catch (OperationCanceledException) when (run.Cancellation.IsCancellationRequested)
        {
            await run.Console.Error.WriteLineAsync("kvctl: the plan continues; show with: kvctl operator list; stop with: kvctl operator cancel --all");
            return ExitCodes.Interrupted;
        }
    }

    /// <summary>Returns whether the leaving nodes are removed, and otherwise the reason why one of them is not.</summary>
    private static async Task<(bool AreGone, string Note)> AreGoneAsync(KvClient client, string[] leaving, CancellationToken cancellationToken)
    {
        if (leaving.Length == 0)
        {
            return (true, "");
        }

        var nodes = await client.Administration.Calls.ListNodesAsync(cancellationToken);
        var waiting = nodes.Nodes.FirstOrDefault(node => leaving.Contains(node.NodeId) && node.Note.Length > 0);
        return (leaving.All(nodes.Removed.Contains), waiting is null ? "" : $"{waiting.NodeId}: {waiting.Note}");
    }

    private static async Task<int> EndAsync(Invocation run, ListOperatorsResponse operators, PlanInfo plan, string[] leaving, long begun)
    {
        var undone = operators.History.Count(one => one.Plan == plan.Plan && one.State != "moved");
        if (undone > 0)
        {
            await run.Console.Error.WriteLineAsync($"kvctl: {PlanText.Count(undone, "move")} of plan {plan.Plan} were cancelled or dropped; see: kvctl operator history");
            return ExitCodes.Partial;
        }

        await run.Console.Out.WriteLineAsync(FormattableString.Invariant(
            $"[OK] Plan {plan.Plan} is done in {Stopwatch.GetElapsedTime(begun).TotalSeconds:0.0}s.{(leaving.Length > 0 ? $" Removed: {string.Join(", ", leaving)}." : "")}"));
        return ExitCodes.Ok;
    }

    private static string Describe(OperatorInfo[] left) =>
        left.FirstOrDefault(static one => one.State != "waiting") is { } running
            ? $"shard {running.Shard} {running.FromNode} -> {running.ToNode}: {running.Note}"
            : left.Length > 0 ? $"waiting: {left[0].Note}"
            : "";
}
