using Grpc.Core;
using KvRaft.Node.Cluster;
using KvRaft.Node.Control;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Administration;

/// <summary>Nodes join, are inspected, drained and removed: the leader of group 0, on whichever node, answers changes and the status of nodes.</summary>
internal sealed class NodesService(
    NodeOptions options, PlacementCalls calls, PlacementRouter router, PlacementAgent agent, PlanMaker plans, NodeMonitor monitor, NodeFailure failure)
    : Nodes.NodesBase
{
    public override Task<JoinResponse> Join(JoinRequest request, ServerCallContext context)
    {
        if (request.ClusterId != options.ClusterId.ToString())
        {
            throw RpcStatus.ToException(Failure.Invalid("cluster_id", $"this is cluster {options.ClusterId}, not {request.ClusterId}"));
        }

        if (request.ProtocolVersion != ServerVersion.Protocol)
        {
            throw RpcStatus.ToException(Failure.Invalid(
                "protocol_version", $"the cluster has version {ServerVersion.Protocol}, the node {request.ProtocolVersion}"));
        }

        var node = new NodeDescriptor
        {
            Id = PlacementWire.ToNode("node_id", request.NodeId),
            Instance = PlacementWire.ToInstance(request.Instance),
            RaftAddress = request.Raft,
            PublicAddress = request.Public,
            Zone = request.Zone,
            Weight = request.Weight,
            Standing = NodeStanding.Joined,
        };
        return calls.ChangeAsync(
            deadline => JoinHereAsync(node, deadline),
            (peer, call) => peer.Nodes.JoinAsync(request, call),
            static (joined, state) => state.Epoch.Value >= joined.Epoch,
            context);
    }

    public override Task<RegisterResponse> Register(RegisterRequest request, ServerCallContext context)
    {
        var command = new RegisterNode(
            PlacementWire.ToNode("node_id", request.NodeId), PlacementWire.ToInstance(request.Instance), request.Raft, request.Public);
        return calls.ChangeAsync<RegisterResponse>(
            command,
            static outcome => new RegisterResponse { Epoch = ((NodeChanged)outcome).Epoch.Value },
            (peer, call) => peer.Nodes.RegisterAsync(request, call),
            static (answer, state) => state.Epoch.Value >= answer.Epoch,
            context);
    }

    public override Task<StandingResponse> Standing(StandingRequest request, ServerCallContext context)
    {
        var (node, instance) = (PlacementWire.ToNode("node_id", request.NodeId), PlacementWire.ToInstance(request.Instance));
        var state = agent.State;
        var known = state.FindNode(node);
        return Task.FromResult(new StandingResponse
        {
            Epoch = state.Epoch.Value,
            Refusal = state.Removed.Contains(node) ? NodeFarewell.Decommissioned(node).Message
                : known is not null && known.Instance != Guid.Empty && known.Instance != instance
                    ? $"node {node} is registered with another data directory. If its data is lost, start it under another name with 'join', then: kvctl node replace {node} NEW --now --wait"
                : "",
        });
    }

    public override Task<ListNodesResponse> List(ListNodesRequest request, ServerCallContext context) =>
        calls.LookAsync(ListHereAsync, (peer, call) => peer.Nodes.ListAsync(request, call), context);

    public override Task<NodeAnswer> Drain(DrainRequest request, ServerCallContext context) => calls.ChangeAsync<NodeAnswer>(
        new DrainNode(PlacementWire.ToNode("node_id", request.NodeId), !request.Undrain),
        outcome => new NodeAnswer { Epoch = ((NodeChanged)outcome).Epoch.Value, Node = InfoOf(((NodeChanged)outcome).Node, 0) },
        (peer, call) => peer.Nodes.DrainAsync(request, call),
        static (answer, state) => state.Epoch.Value >= answer.Epoch,
        context);

    public override Task<FarewellResponse> Farewell(FarewellRequest request, ServerCallContext context)
    {
        // Only a node that is leaving is notified of its removal; a notice to another node is a mistake of its sender.
        var state = agent.State;
        if (request.NodeId == options.NodeId.Value
            && (state.FindNode(options.NodeId) is { Standing: NodeStanding.Leaving } || state.Removed.Contains(options.NodeId)))
        {
            failure.Report(NodeFarewell.Decommissioned(options.NodeId));
        }

        return Task.FromResult(new FarewellResponse());
    }

    private async Task<Answered<JoinResponse>> JoinHereAsync(NodeDescriptor node, Deadline deadline)
    {
        // An address belongs to a node as long as that node answers there.
        var holder = agent.State.Nodes.FirstOrDefault(other =>
            other.Id != node.Id && (other.PublicAddress == node.PublicAddress || other.RaftAddress == node.RaftAddress));
        var takes = holder is not null && monitor.ReportOf(holder.Id).Health >= NodeHealthState.Down ? holder.Id : default;
        return await router.ProposeAsync<JoinResponse>(new JoinNode(node, takes), ToJoined, deadline);
    }

    private Answered<JoinResponse> ToJoined(PlacementOutcome outcome)
    {
        var state = agent.State;
        var response = new JoinResponse
        {
            Epoch = ((NodeJoined)outcome).Epoch.Value,
            ShardCount = state.Map!.ShardCount,
            ReplicationFactor = state.Map.ReplicationFactor,
            HashSeed = state.Map.HashSeed,
        };
        response.Voters.Add(agent.Voters.Where(voter => state.FindNode(voter.Node) is not null).Select(voter => new PlacementVoter
        {
            NodeId = voter.Node.Value,
            Incarnation = voter.Incarnation,
            Raft = state.FindNode(voter.Node)!.RaftAddress,
            Public = state.FindNode(voter.Node)!.PublicAddress,
        }));
        return response;
    }

    private async Task<Answered<ListNodesResponse>> ListHereAsync(Deadline deadline)
    {
        if (await plans.LookAsync(deadline) is not { } sight)
        {
            return PlanMaker.NotLed;
        }

        if (sight.State.Map is null)
        {
            return Failure.NoMap(TimeSpan.FromMilliseconds(250));
        }

        var response = new ListNodesResponse { Epoch = sight.State.Epoch.Value, PlacementLeader = options.NodeId.Value };
        var owners = sight.State.Nodes.Where(static node => node.IsOwner).ToArray();
        var total = owners.Sum(static node => node.Weight);
        response.Nodes.Add(sight.State.Nodes.Select(node => InfoOf(node, node.IsOwner ? node.Weight / total : 0)));
        response.PlacementVoters.Add(agent.Voters.Select(static voter => voter.Node.Value));
        response.Removed.Add(sight.State.Removed.Select(static node => node.Value));
        return response;
    }

    private NodeInfo InfoOf(NodeDescriptor node, double owns) => PlacementWire.ToWire(node, monitor.ReportOf(node.Id), agent.State, owns);
}
