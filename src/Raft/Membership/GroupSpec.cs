using KvRaft.Raft.Groups;
using KvRaft.Topology;

namespace KvRaft.Raft.Membership;

/// <summary>One voter of a group: which node, and under which incarnation its replica lives there.</summary>
public readonly record struct GroupVoter(NodeId Node, int Incarnation);

/// <summary>Which replica to run here.</summary>
/// <param name="Group">The group.</param>
/// <param name="Incarnation">This node's replica of it; a wiped replica comes back under a higher one.</param>
/// <param name="Voters">
/// The group's first members, used only when the replica has no member list of its own yet; for a learner, those to learn from until its
/// log tells it more.
/// </param>
/// <param name="IsLearner">
/// The replica joins a group that runs: it begins as nobody's member, copies what is committed, and neither votes nor counts until the
/// group's leader made it a voter (<see cref="RaftGroup.AddVoterAsync"/>). Once it is one, this means nothing any more.
/// </param>
/// <param name="LearnerPace">
/// How often a learner that has everything asks for more; null: as often as one needs that is about to become a voter. One that follows its group
/// for good may ask less often.
/// </param>
public sealed record GroupSpec(
    GroupId Group, int Incarnation, IReadOnlyList<GroupVoter> Voters, bool IsLearner = false, TimeSpan? LearnerPace = null)
{
    /// <summary>Why the replica is opened without the state it had, for its status; null: that is not known, or it has its state.</summary>
    public string? StateLostBecause { get; init; }

    /// <summary>
    /// What this replica had applied and shown to readers in this process before its state was lost. It serves nothing until it is as far again.
    /// </summary>
    public long AppliedBefore { get; init; }
}
