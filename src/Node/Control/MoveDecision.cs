using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Node.Control;

/// <summary>What a shard's leader does next about its members.</summary>
internal enum MoveStepKind
{
    /// <summary>Nothing, until something changes; the reason is for people.</summary>
    Wait,

    /// <summary>Makes the coming replica a voter.</summary>
    Add,

    /// <summary>Makes a replica no voter any more.</summary>
    Remove,

    /// <summary>Lets another voter lead, because this one is to be removed.</summary>
    HandOver,

    /// <summary>Tells group 0 that the members are as wished.</summary>
    Finish,
}

/// <param name="Kind">What to do.</param>
/// <param name="Replica">With, or to, which replica; for <see cref="MoveStepKind.Finish"/> the coming one.</param>
/// <param name="End">For <see cref="MoveStepKind.Finish"/>.</param>
/// <param name="Reason">For people.</param>
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

    /// <summary>The shard's move; null if none is under way.</summary>
    public required ShardMove? Move { get; init; }

    /// <summary>Who votes.</summary>
    public required IReadOnlyList<Replica> Voters { get; init; }

    /// <summary>The voters are in force, and no change of them is under way.</summary>
    public required bool IsSettled { get; init; }

    /// <summary>Voters that will never be wanted again: left over by a leader that had not heard the end of a move.</summary>
    public required IReadOnlyList<Replica> Strays { get; init; }

    /// <summary>Replicas that the shard map names and that do not vote, but for the one that its move takes out. While there are any, the map is not what the group is, and nothing is removed for its sake.</summary>
    public required IReadOnlyList<Replica> Missing { get; init; }

    /// <summary>Entries the coming replica has not applied yet; null if it does not answer.</summary>
    public required long? Lag { get; init; }

    /// <summary>
    /// The coming replica has heard that it votes. Until then it neither stands for election nor answers rounds in time: leadership offered to it is lost, and
    /// a round from which the going replica is dropped at that moment lacks two.
    /// </summary>
    public required bool Votes { get; init; }
}

/// <summary>
/// The life of a move as a function of what is: nobody remembers how far it was, so whoever leads next goes on, and a step that was
/// taken twice is taken once.
/// <para>
/// The order keeps fault tolerance: the coming replica votes only when it follows closely, the going one leaves only when the coming
/// one, as a voter, still does. The leader never removes itself. A cancelled move goes back as long as the old replica votes; later it
/// is too late, and it goes on to its end.
/// </para>
/// </summary>
internal static class MoveDecision
{
    /// <summary>Entries. Some hundred fit one append of a round that takes milliseconds; the new voter does not hold up a majority.</summary>
    public const long LagMax = 500;

    public static MoveStep Next(MoveFacts facts)
    {
        if (!facts.IsSettled)
        {
            return MoveStep.Wait("an earlier change of the members is not in force yet");
        }

        if (facts.Strays.Count > 0 && facts.Missing.Count > 0)
        {
            return MoveStep.Wait($"{facts.Strays[0]} votes and is not in the shard map, but neither does {facts.Missing[0]}, which is: none is removed before all that stay vote");
        }

        if (facts.Strays.Count > 0)
        {
            return Remove(facts, facts.Strays[0], "it belongs to a move that is over");
        }

        if (facts.Move is not { } move)
        {
            return MoveStep.Wait("no move is under way");
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

    private static MoveStep? Votes(MoveFacts facts) => facts.Votes ? null : MoveStep.Wait($"{facts.Move!.To} has not heard yet that it votes");

    private static MoveStep Remove(MoveFacts facts, Replica replica, string reason)
    {
        if (replica.Node != facts.Self)
        {
            return MoveStep.With(MoveStepKind.Remove, replica, reason);
        }

        // To the one that stays in its place, or else to any: strays and cancelled replicas are asked last.
        var successors = facts.Voters.Where(voter => voter.Node != facts.Self && !facts.Strays.Contains(voter)).ToList();
        var preferred = facts.Move is { } move ? (move.IsCancelling ? move.From : move.To) : default;
        var successor = successors.Contains(preferred) ? preferred : successors.FirstOrDefault();
        return successor == default
            ? MoveStep.Wait("there is nobody to hand leadership to")
            : MoveStep.With(MoveStepKind.HandOver, successor, $"{replica} leads and is to go: {reason}");
    }
}
