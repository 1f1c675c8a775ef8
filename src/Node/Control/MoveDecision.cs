using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Node.Control;

/// <summary>The next step of a shard's leader for the members of its group.</summary>
internal enum MoveStepKind
{
    /// <summary>Nothing, until something changes; the reason is for operators.</summary>
    Wait,

    /// <summary>Makes the new replica a voter.</summary>
    Add,

    /// <summary>Removes a replica from the voters.</summary>
    Remove,

    /// <summary>Transfers leadership to another voter, because this one is to be removed.</summary>
    HandOver,

    /// <summary>Reports to group 0 that the members are as intended.</summary>
    Finish,
}

/// <param name="Kind">The step.</param>
/// <param name="Replica">The replica that the step affects; for <see cref="MoveStepKind.Finish"/> the new one.</param>
/// <param name="End">For <see cref="MoveStepKind.Finish"/>.</param>
/// <param name="Reason">For operators.</param>
internal readonly record struct MoveStep(MoveStepKind Kind, Replica Replica, MoveEnd End, string Reason)
{
    public static MoveStep Wait(string reason) => new(MoveStepKind.Wait, default, default, reason);

    public static MoveStep With(MoveStepKind kind, Replica replica, string reason) => new(kind, replica, default, reason);

    public static MoveStep Finish(Replica to, MoveEnd end) => new(MoveStepKind.Finish, to, end, $"{end}");
}

/// <summary>Everything the decision depends on, as the leader of a shard sees it at one moment.</summary>
internal sealed record MoveFacts
{
    public required NodeId Self { get; init; }

    /// <summary>The shard's move; null if none is in progress.</summary>
    public required ShardMove? Move { get; init; }

    /// <summary>The voters.</summary>
    public required IReadOnlyList<Replica> Voters { get; init; }

    /// <summary>The voters are in force, and no change of them is in progress.</summary>
    public required bool IsSettled { get; init; }

    /// <summary>Voters that are never wanted again: left over by a leader that had not received the end of a move.</summary>
    public required IReadOnlyList<Replica> Strays { get; init; }

    /// <summary>Replicas that the shard map names and that do not vote, except the one that its move removes. While there are any, the map differs from the group, and no replica is removed because of the map.</summary>
    public required IReadOnlyList<Replica> Missing { get; init; }

    /// <summary>Entries that the new replica has not applied yet; null if it does not answer.</summary>
    public required long? Lag { get; init; }

    /// <summary>
    /// The new replica has received the configuration in which it votes. Before that it neither campaigns nor answers rounds in time: a leadership transfer to it fails, and
    /// a round from which the old replica is removed at that moment lacks two answers.
    /// </summary>
    public required bool Votes { get; init; }
}

/// <summary>
/// The steps of a move as a function of the present state: no component stores its progress, so the next leader continues it, and a step that was
/// taken twice has one effect.
/// <para>
/// The order keeps fault tolerance: the new replica votes only when it follows closely, and the old one is removed only if the new
/// one, as a voter, still follows closely. The leader never removes itself. A cancelled move is reverted as long as the old replica votes; after that
/// it can only be completed.
/// </para>
/// </summary>
internal static class MoveDecision
{
    /// <summary>Entries. Some hundred fit one append of a round that takes milliseconds; the new voter does not delay a majority.</summary>
    public const long LagMax = 500;

    public static MoveStep Next(MoveFacts facts)
    {
        if (!facts.IsSettled)
        {
            return MoveStep.Wait("an earlier change of the members is not in force yet");
        }

        if (facts.Strays.Count > 0 && facts.Missing.Count > 0)
        {
            return MoveStep.Wait($"{facts.Strays[0]} votes and is not in the shard map, and {facts.Missing[0]} is in the map and does not vote: no voter is removed before all replicas of the map vote");
        }

        if (facts.Strays.Count > 0)
        {
            return Remove(facts, facts.Strays[0], "it belongs to a move that has ended");
        }

        if (facts.Move is not { } move)
        {
            return MoveStep.Wait("no move is in progress");
        }

        var (hasFrom, hasTo) = (facts.Voters.Contains(move.From), facts.Voters.Contains(move.To));
        return (hasFrom, hasTo) switch
        {
            (true, false) when move.IsCancelling => MoveStep.Finish(move.To, MoveEnd.Cancelled),
            (true, true) when move.IsCancelling => Remove(facts, move.To, "the move is cancelled"),
            (true, false) => Follows(facts) ?? MoveStep.With(MoveStepKind.Add, move.To, "it follows closely"),
            (true, true) => Follows(facts) ?? Votes(facts) ?? Remove(facts, move.From, "its successor follows closely"),
            (false, true) => MoveStep.Finish(move.To, MoveEnd.Moved),
            _ => MoveStep.Wait($"neither {move.From} nor {move.To} is a voter"),
        };
    }

    private static MoveStep? Follows(MoveFacts facts) => facts.Lag switch
    {
        null => MoveStep.Wait($"{facts.Move!.To} does not answer"),
        > LagMax => MoveStep.Wait($"{facts.Move!.To} lacks {facts.Lag} entries"),
        _ => null,
    };

    private static MoveStep? Votes(MoveFacts facts) => facts.Votes ? null : MoveStep.Wait($"{facts.Move!.To} has not received yet that it votes");

    private static MoveStep Remove(MoveFacts facts, Replica replica, string reason)
    {
        if (replica.Node != facts.Self)
        {
            return MoveStep.With(MoveStepKind.Remove, replica, reason);
        }

        // To the one that stays in its place, or otherwise to any: strays and cancelled replicas come last.
        var successors = facts.Voters.Where(voter => voter.Node != facts.Self && !facts.Strays.Contains(voter)).ToList();
        var preferred = facts.Move is { } move ? (move.IsCancelling ? move.From : move.To) : default;
        var successor = successors.Contains(preferred) ? preferred : successors.FirstOrDefault();
        return successor == default
            ? MoveStep.Wait("there is no other voter to transfer leadership to")
            : MoveStep.With(MoveStepKind.HandOver, successor, $"{replica} leads and is to be removed: {reason}");
    }
}
