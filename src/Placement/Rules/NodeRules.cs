using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Rules;

/// <summary>Applies the commands about nodes to a state: join, register, drain, remove. Pure and idempotent.</summary>
internal static class NodeRules
{
    public static (PlacementState, PlacementOutcome) Join(PlacementState state, JoinNode join)
    {
        var node = join.Node;
        if (PlacementChecks.MistakeIn(join) is { } mistake)
        {
            return Refuse(state, PlacementRefusal.Invalid, mistake);
        }

        if (state.FindNode(node.Id) is { } known)
        {
            return known.Instance == node.Instance
                ? (state, new NodeJoined(known, existed: true, state.Epoch))
                : Refuse(state, PlacementRefusal.NodeExists, Foreign(node.Id));
        }

        if (state.Removed.Contains(node.Id))
        {
            return Refuse(state, PlacementRefusal.NodeExists, $"node {node.Id} was decommissioned, and a name is never reused; join under another name");
        }

        if (state.Nodes.Length >= PlacementLimits.NodesMax)
        {
            return Refuse(state, PlacementRefusal.Invalid, $"a cluster has at most {PlacementLimits.NodesMax} nodes");
        }

        var nodes = state.Nodes;
        if (HolderOf(state, node, except: default) is { } holder)
        {
            if (holder.Id != join.TakesAddressesOf)
            {
                return Refuse(state, PlacementRefusal.AddressTaken, Taken(holder));
            }

            nodes = nodes.Replace(holder, holder with { RaftAddress = Nowhere(holder.Id), PublicAddress = Nowhere(holder.Id) });
            if (nodes.Any(other => Meets(other, node)))
            {
                return Refuse(state, PlacementRefusal.AddressTaken, "the addresses belong to two different nodes");
            }
        }

        var next = state.Next(nodes: nodes.Add(node).Sort(static (a, b) => a.Id.CompareTo(b.Id)));
        return (next, new NodeJoined(node, existed: false, next.Epoch));
    }

    public static (PlacementState, PlacementOutcome) Register(PlacementState state, RegisterNode register)
    {
        if (PlacementChecks.MistakeIn(register) is { } mistake)
        {
            return Refuse(state, PlacementRefusal.Invalid, mistake);
        }

        if (state.FindNode(register.Node) is not { } node)
        {
            return state.Removed.Contains(register.Node)
                ? Refuse(state, PlacementRefusal.NodeExists, $"node {register.Node} was decommissioned")
                : NotFound(state, register.Node);
        }

        if (node.Instance != Guid.Empty && node.Instance != register.Instance)
        {
            return Refuse(state, PlacementRefusal.NodeExists, Foreign(node.Id));
        }

        var told = node with { Instance = register.Instance, RaftAddress = register.RaftAddress, PublicAddress = register.PublicAddress };
        if (told == node)
        {
            return (state, new NodeChanged(node, state.Epoch));
        }

        if (HolderOf(state, told, except: node.Id) is { } holder)
        {
            return Refuse(state, PlacementRefusal.AddressTaken, Taken(holder));
        }

        var next = state.Next(nodes: state.Nodes.Replace(node, told));
        return (next, new NodeChanged(told, next.Epoch));
    }

    public static (PlacementState, PlacementOutcome) Drain(PlacementState state, DrainNode drain)
    {
        if (state.FindNode(drain.Node) is not { } node)
        {
            return NotFound(state, drain.Node);
        }

        var wanted = drain.Drain ? NodeStanding.Draining : NodeStanding.Active;
        if (node.Standing == wanted)
        {
            return (state, new NodeChanged(node, state.Epoch));
        }

        if (!node.IsOwner)
        {
            return Refuse(state, PlacementRefusal.Invalid, $"node {node.Id} is {TopologyChanges.Word(node.Standing)}; there is nothing to drain");
        }

        var next = state.Next(nodes: state.Nodes.Replace(node, node with { Standing = wanted }));
        return (next, new NodeChanged(next.FindNode(node.Id)!, next.Epoch));
    }

    public static (PlacementState, PlacementOutcome) Remove(PlacementState state, RemoveNode remove)
    {
        if (state.FindNode(remove.Node) is not { } node)
        {
            return state.Removed.Contains(remove.Node) ? (state, new NodeRemoved(remove.Node, state.Epoch)) : NotFound(state, remove.Node);
        }

        if (node.Standing != NodeStanding.Leaving)
        {
            return Refuse(state, PlacementRefusal.Invalid, $"node {node.Id} is {TopologyChanges.Word(node.Standing)}, not leaving");
        }

        if (state.Map!.ShardsOn(node.Id).Any() || state.Moves.Any(move => move.From.Node == node.Id || move.To.Node == node.Id))
        {
            return Refuse(state, PlacementRefusal.Invalid, $"node {node.Id} still has replicas");
        }

        // The node gets no further incarnation: its name is never reused.
        var next = state.Next(
            nodes: state.Nodes.Remove(node),
            retired: state.Retired.RemoveAll(old => old.Replica.Node == node.Id),
            removed: state.Removed.Add(node.Id).Sort());
        return (next, new NodeRemoved(node.Id, next.Epoch));
    }

    /// <summary>An address that never resolves (RFC 2606, section 2), for a node whose own address now belongs to another node.</summary>
    private static string Nowhere(NodeId node) => $"{node}.invalid:1";

    private static NodeDescriptor? HolderOf(PlacementState state, NodeDescriptor node, NodeId except) =>
        state.Nodes.FirstOrDefault(other => other.Id != except && Meets(other, node));

    private static bool Meets(NodeDescriptor other, NodeDescriptor node) =>
        other.RaftAddress == node.RaftAddress || other.PublicAddress == node.PublicAddress
        || other.RaftAddress == node.PublicAddress || other.PublicAddress == node.RaftAddress;

    private static string Taken(NodeDescriptor holder) =>
        $"node {holder.Id} is registered at {holder.PublicAddress} (replicas at {holder.RaftAddress})";

    private static string Foreign(NodeId node) =>
        $"node {node} is registered with another data directory; a node that lost its data must join as a new node, under another name";

    private static (PlacementState, PlacementOutcome) NotFound(PlacementState state, NodeId node) =>
        Refuse(state, PlacementRefusal.NodeNotFound, $"there is no node '{node}'");

    private static (PlacementState, PlacementOutcome) Refuse(PlacementState state, PlacementRefusal reason, string why) =>
        (state, new PlacementRefused(reason, why));
}
