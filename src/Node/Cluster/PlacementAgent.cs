using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Placement.Codecs;
using KvRaft.Placement.Machine;
using KvRaft.Placement.State;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Proposals;
using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Node.Cluster;

/// <summary>
/// This node's replica of group 0, which decides about nodes, shard map and keyspaces. The founding nodes of the cluster vote in it; a node that joined
/// follows it as a learner, permanently unless it becomes a voter. So each node has the whole state; a change of it becomes the routing view
/// at once, on the applying thread, by one pointer.
/// </summary>
internal sealed class PlacementAgent
{
    private readonly PlacementStateMachine _machine;

    /// <summary>The incarnation of every replica of group 0 that was added after the cluster was founded; a name is given once.</summary>
    public const int IncarnationOfJoined = Replica.IncarnationFirst + 1;

    /// <summary>How often a node without a vote requests news: its routing view is at most this much older than that of voters.</summary>
    private static readonly TimeSpan FollowPace = TimeSpan.FromMilliseconds(200);

    private readonly ShardMapHolder _map;
    private readonly IReadOnlyList<GroupVoter> _firstVoters;

    private PlacementAgent(RaftGroup group, PlacementStateMachine machine, ShardMapHolder map, IReadOnlyList<GroupVoter> firstVoters)
    {
        _firstVoters = firstVoters;
        _map = map;
        Group = group;
        _machine = machine;
    }

    public RaftGroup Group { get; }

    /// <summary>The committed state, as far as this node has received it.</summary>
    public PlacementState State => _machine.State;

    /// <summary>The leader of group 0; null if this node has no record of one.</summary>
    public NodeId? Leader => Group.Leader;

    /// <summary>Opens this node's replica of group 0. Returns before the group has a leader.</summary>
    public static async Task<PlacementAgent> JoinAsync(
        NodeOptions options, MembershipFile membership, RaftHost raft, ShardMapHolder map, ILogger logger, CancellationToken cancellationToken)
    {
        var machine = OpenState(options, logger, out var lost);
        machine.Changed += state => map.Take(ToView(state));
        map.Take(ToView(machine.State));
        var spec = membership.Joined is { } joined
            ? new GroupSpec(
                GroupId.Placement, IncarnationOfJoined, [.. joined.Voters.Select(static voter => voter.ToVoter())], IsLearner: true, FollowPace)
            : new GroupSpec(
                GroupId.Placement, Replica.IncarnationFirst, [.. options.Nodes.Select(node => new GroupVoter(node.Id, Replica.IncarnationFirst))]);
        var group = await raft.OpenGroupAsync(spec with { StateLostBecause = lost }, machine, cancellationToken);
        group.LeadershipChanged += map.Changes.Raise;
        return new PlacementAgent(group, machine, map, spec.Voters);
    }

    /// <summary>
    /// Damaged state is set aside, and the replica copies another one's state: the log of group 0 is complete. One such directory is kept; it is small, and only an operator deletes it. With damaged state
    /// the node has no shard map until the copy is complete, and so it opens and drops nothing.
    /// </summary>
    private static PlacementStateMachine OpenState(NodeOptions options, ILogger logger, out string? lost)
    {
        var directory = Path.Combine(options.DataDirectory, "placement");
        lost = null;
        try
        {
            return PlacementStateMachine.Open(directory);
        }
        catch (StorageCorruptionException damage)
        {
            lost = damage.Message;
            var aside = directory + ".damaged";
            OwnFiles.Directory(directory, () =>
            {
                DurableFile.Delete(aside);
                DurableFile.MoveDirectory(directory, aside);
                return true;
            });
            logger.PlacementSetAside(options.NodeId, aside, damage.Message);
            return OwnFiles.Directory(directory, () => PlacementStateMachine.Open(directory));
        }
        catch (StorageException error)
        {
            throw OwnFiles.ToStartException(directory, isDirectory: true, error);
        }
    }

    /// <summary>The voters of group 0, as far as this node has received them.</summary>
    public IReadOnlyList<GroupVoter> Voters => Group.Voters() is { Count: > 0 } known ? known : _firstVoters;

    /// <summary>Proposes a change. Only the leader's replica can.</summary>
    public ValueTask<ProposalResult> ProposeAsync(PlacementCommand command, CancellationToken cancellationToken) =>
        Group.ProposeAsync(PlacementCommandCodec.Encode(command), cancellationToken);

    /// <summary>
    /// Waits until this node has received a change that another node made, and routes by it: the view follows the state a moment later.
    /// </summary>
    public async Task WaitForAsync(Func<PlacementState, bool> condition, CancellationToken cancellationToken)
    {
        var state = await _machine.WaitForAsync(condition, cancellationToken);
        while (true)
        {
            // Taken before the state is read; see ChangeSignal.
            var news = _map.Changes.Next;
            if (_map.Current.Epoch.CompareTo(state.Epoch) >= 0)
            {
                return;
            }

            await news.WaitAsync(cancellationToken);
        }
    }

    private static RoutingView ToView(PlacementState state) => new(state.Map, state.Nodes, state.Keyspaces, state.Operations.NextPlan, state.NextKeyspaceId, state.ContextKeys);
}
