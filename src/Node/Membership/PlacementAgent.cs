using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using KvRaft.Placement.State;
using KvRaft.Raft;
using KvRaft.Topology;

namespace KvRaft.Node.Membership;

/// <summary>
/// This node's seat in group 0, which decides about nodes, shard map and keyspaces. Every initial node is a voter, so each
/// has the whole state at hand; a change of it becomes the routing view at once, on the applying thread, by one pointer.
/// </summary>
internal sealed class PlacementAgent
{
    private readonly PlacementStateMachine _machine;

    private readonly ShardMapHolder _map;

    private PlacementAgent(RaftGroup group, PlacementStateMachine machine, ShardMapHolder map)
    {
        _map = map;
        Group = group;
        _machine = machine;
    }

    public RaftGroup Group { get; }

    /// <summary>What was agreed on, as far as this node has heard.</summary>
    public PlacementState State => _machine.State;

    /// <summary>Who leads group 0; null if this node has heard of nobody.</summary>
    public NodeId? Leader => Group.Leader;

    /// <summary>Opens this node's replica of group 0. Returns before anybody leads it.</summary>
    public static async Task<PlacementAgent> JoinAsync(
        NodeOptions options, RaftHost raft, ShardMapHolder map, CancellationToken cancellationToken)
    {
        var machine = PlacementStateMachine.Open(Path.Combine(options.DataDirectory, "placement"));
        machine.Changed += state => map.Take(ToView(state));
        map.Take(ToView(machine.State));
        var voters = options.Nodes.Select(node => new GroupVoter(node.Id, Replica.IncarnationFirst)).ToArray();
        var group = await raft.OpenGroupAsync(
            new GroupSpec(GroupId.Placement, Replica.IncarnationFirst, voters), machine, cancellationToken);
        group.LeadershipChanged += map.Changes.Raise;
        return new PlacementAgent(group, machine, map);
    }

    /// <summary>Proposes a change. Only the leader's replica can.</summary>
    public ValueTask<ProposalResult> ProposeAsync(PlacementCommand command, CancellationToken cancellationToken) =>
        Group.ProposeAsync(PlacementCommandCodec.Encode(command), cancellationToken);

    /// <summary>
    /// Waits until this node has heard of a change that another one made, and routes by it: the view follows the state a moment later.
    /// </summary>
    public async Task WaitForAsync(Func<PlacementState, bool> condition, CancellationToken cancellationToken)
    {
        var state = await _machine.WaitForAsync(condition, cancellationToken);
        while (true)
        {
            // Taken before looking; see ChangeSignal.
            var news = _map.Changes.Next;
            if (_map.Current.Epoch.CompareTo(state.Epoch) >= 0)
            {
                return;
            }

            await news.WaitAsync(cancellationToken);
        }
    }

    private static RoutingView ToView(PlacementState state) => new(state.Map, state.Nodes, state.Keyspaces);
}
