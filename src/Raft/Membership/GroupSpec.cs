using KvRaft.Raft.Groups;
using KvRaft.Topology;

namespace KvRaft.Raft.Membership;

/// <summary>One voter of a group: its node, and the incarnation of its replica there.</summary>
public readonly record struct GroupVoter(NodeId Node, int Incarnation);

/// <summary>The replica to run here.</summary>
/// <param name="Group">The group.</param>
/// <param name="Incarnation">This node's replica of it; a wiped replica is opened again under a higher one.</param>
/// <param name="Voters">
/// The group's first members, used only if the replica has no member list of its own yet; for a learner, the nodes to copy from until its
/// log contains a configuration.
/// </param>
/// <param name="IsLearner">
/// The replica joins a running group. It starts without membership, copies committed entries, and neither votes nor counts until the
/// group's leader promotes it to a voter (<see cref="RaftGroup.AddVoterAsync"/>). After that the flag has no effect.
/// </param>
/// <param name="LearnerPace">
/// How often an up-to-date learner requests more; null: as often as required for a replica that becomes a voter soon. A permanent learner may request
/// less often.
/// </param>
public sealed record GroupSpec(
    GroupId Group, int Incarnation, IReadOnlyList<GroupVoter> Voters, bool IsLearner = false, TimeSpan? LearnerPace = null)
{
    /// <summary>Why the replica is opened without its previous state, for its status; null: unknown, or it has its state.</summary>
    public string? StateLostBecause { get; init; }

    /// <summary>
    /// The index that this replica had applied and shown to readers in this process before its state was lost. It serves nothing until it reaches that index again.
    /// </summary>
    public long AppliedBefore { get; init; }
}
