using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using KvRaft.Cli.Output;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl shard move SHARD --from NODE --to NODE</c>, <c>shard moves</c> and <c>shard cancel SHARD</c>. The cluster executes the move; the command
/// requests it and then prints its progress, so an interruption of the command does not stop the move.
/// </summary>
internal static class ShardMoveCommand
{
    /// <summary>Short enough to observe every step that takes time; each poll queries every node.</summary>
    private static readonly TimeSpan LookPeriod = TimeSpan.FromMilliseconds(200);

    /// <summary>The interval between two progress lines of a copy: people read them, and a copy takes minutes at most.</summary>
    private static readonly TimeSpan CopyPeriod = TimeSpan.FromSeconds(2);

    public static Command Move(Shell shell)
    {
        var shard = Shard();
        var from = new Option<string>("--from") { Description = "The node that loses its replica.", Required = true };
        var to = new Option<string>("--to") { Description = "The node that receives a replica.", Required = true };
        var noWait = new Option<bool>("--no-wait") { Description = "Return when the move is agreed, not when it is complete." };
        var command = new Command("move", "Move a replica of a shard from one node to another without interrupting clients.") { shard, from, to, noWait };
        command.SetAction(shell.Change(async run =>
        {
            await using var client = run.Connect();
            var begun = Stopwatch.GetTimestamp();
            var move = await client.Administration.Calls.MoveShardAsync(
                run.Parsed.GetValue(shard), run.Parsed.GetRequiredValue(from), run.Parsed.GetRequiredValue(to), run.Cancellation);
            await run.Console.Out.WriteLineAsync(
                string.Create(CultureInfo.InvariantCulture, $"Move of shard {move.Shard} from {move.FromNode} to {move.ToNode} agreed at ring epoch {move.Epoch}."));
            return run.Parsed.GetValue(noWait) ? ExitCodes.Ok : await WatchAsync(run, client, move, begun);
        }));
        return command;
    }

    public static Command Cancel(Shell shell)
    {
        var shard = Shard();
        var command = new Command("cancel", "Revert the move of a shard; if the old replica is already removed, the move is completed instead.") { shard };
        command.SetAction(shell.Change(async run =>
        {
            await using var client = run.Connect();
            var move = await client.Administration.Calls.CancelMoveAsync(run.Parsed.GetValue(shard), run.Cancellation);
            await run.Console.Out.WriteLineAsync(
                string.Create(CultureInfo.InvariantCulture, $"Move of shard {move.Shard} from {move.FromNode} to {move.ToNode} is being cancelled."));
            return ExitCodes.Ok;
        }));
        return command;
    }

    public static Command Moves(Shell shell)
    {
        var command = new Command("moves", "List the moves under way.");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var moves = await client.Administration.Calls.ListMovesAsync(run.Cancellation);
            var nodes = moves.Moves.Count == 0 ? [] : await StatusesAsync(client, run.Cancellation);
            var listing = new Listing("shard", "from", "to", "state", "lag");
            foreach (var move in moves.Moves)
            {
                var progress = MoveProgress.Of(move, isUnderWay: true, nodes);
                listing.Add(move.Shard, move.FromNode, move.ToNode, move.Cancelling ? "cancelling" : progress.Describe(move), progress.Lag);
            }

            listing.WriteTo(run.Console.Out, run.Format);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Argument<int> Shard() => new("shard") { Description = "The number of the shard; see kvctl shard list." };

    private static async Task<int> WatchAsync(Invocation run, KvClient client, MoveInfo move, long begun)
    {
        var shown = MoveStage.Agreed;
        var (copied, copiedAt) = (0L, begun);
        var isMoved = false;
        try
        {
            while (true)
            {
                var moves = await client.Administration.Calls.ListMovesAsync(run.Cancellation);

                // A node that has not received the start of the move has no information about its end either.
                var isUnderWay = moves.Epoch < move.Epoch || moves.Moves.Any(each => each.Shard == move.Shard && each.ToIncarnation == move.ToIncarnation);
                if (!isUnderWay && !isMoved && !(isMoved = await IsMovedAsync(run, client, move)))
                {
                    await run.Console.Error.WriteLineAsync(FormattableString.Invariant($"kvctl: the move of shard {move.Shard} was cancelled"));
                    return ExitCodes.Failed;
                }

                var progress = MoveProgress.Of(move, isUnderWay, await StatusesAsync(client, run.Cancellation));
                if (progress.Stage > shown)
                {
                    shown = progress.Stage;
                    await run.Console.Out.WriteLineAsync(FormattableString.Invariant(
                        $"  [{(int)shown}/{(int)MoveStage.Dropped}] {progress.Describe(move),-50} {Stopwatch.GetElapsedTime(begun).TotalSeconds:0.0}s"));
                    await run.Console.Out.FlushAsync(run.Cancellation);
                }

                var elapsed = Stopwatch.GetElapsedTime(copiedAt);
                if (progress.Total == 0 || progress.Copied < copied)
                {
                    (copied, copiedAt) = (progress.Copied, Stopwatch.GetTimestamp());
                }
                else if (elapsed >= CopyPeriod && progress.DescribeCopy(move, copied, elapsed) is { } line)
                {
                    (copied, copiedAt) = (progress.Copied, Stopwatch.GetTimestamp());
                    await run.Console.Out.WriteLineAsync($"        {line}");
                    await run.Console.Out.FlushAsync(run.Cancellation);
                }

                if (!isUnderWay && shown == MoveStage.Dropped)
                {
                    await run.Console.Out.WriteLineAsync(MovedText(move, await ReplicasAsync(run, client, move), Stopwatch.GetElapsedTime(begun)));
                    return ExitCodes.Ok;
                }

                await Task.Delay(LookPeriod, run.Console.Time, run.Cancellation);
            }
        }
        catch (OperationCanceledException) when (run.Cancellation.IsCancellationRequested)
        {
            await run.Console.Error.WriteLineAsync(FormattableString.Invariant(
                $"kvctl: the move continues; show with: kvctl shard moves; cancel with: kvctl shard cancel {move.Shard}"));
            return ExitCodes.Interrupted;
        }
    }

    /// <summary>Whether an ended move was done. The shard map shows it only until the next move: the scheduler <c>balance</c> may move the shard back at once.</summary>
    private static async Task<bool> IsMovedAsync(Invocation run, KvClient client, MoveInfo move)
    {
        var history = (await client.Administration.Calls.ListOperatorsAsync(history: true, run.Cancellation)).History;
        return EndOf(move, history) is { } ended
            ? ended.State == "moved"
            : Holds(await ReplicasAsync(run, client, move), move);
    }

    /// <summary>The first end of such a move after the move was agreed. The history has the newest first; a much later one may not include the move any more.</summary>
    internal static OperatorInfo? EndOf(MoveInfo move, IEnumerable<OperatorInfo> history) => history.LastOrDefault(
        one => one.Shard == move.Shard && one.FromNode == move.FromNode && one.ToNode == move.ToNode && one.EndedEpoch > move.Epoch);

    internal static string MovedText(MoveInfo move, IReadOnlyList<ReplicaRoute> replicas, TimeSpan elapsed) => string.Create(
        CultureInfo.InvariantCulture,
        $"[OK] Shard {move.Shard} moved in {elapsed.TotalSeconds:0.0}s; {(Holds(replicas, move) ? "" : "a later move changed it (kvctl operator history): ")}it is on {string.Join(", ", replicas.Select(static replica => replica.NodeId))}.");

    private static bool Holds(IEnumerable<ReplicaRoute> replicas, MoveInfo move) =>
        replicas.Any(replica => replica.NodeId == move.ToNode && replica.Incarnation == move.ToIncarnation);

    private static async Task<IReadOnlyList<ReplicaRoute>> ReplicasAsync(Invocation run, KvClient client, MoveInfo move) =>
        (await client.Administration.Calls.GetRoutesAsync(run.Cancellation)).Shards.Single(shard => shard.Shard == move.Shard).Replicas;

    private static async Task<Dictionary<string, StatusResponse>> StatusesAsync(KvClient client, CancellationToken cancellationToken)
    {
        var cluster = await ClusterView.AskAsync(client, cancellationToken);
        return cluster.Nodes.Where(static node => node.Status is not null).ToDictionary(static node => node.Route.NodeId, static node => node.Status!);
    }
}
