using KvRaft.Topology;

namespace KvRaft.Node.Options;

/// <summary>A node the cluster starts with. All initial nodes must be given the same list.</summary>
/// <param name="Id">The node's name.</param>
/// <param name="Raft">Where other nodes reach its replicas.</param>
/// <param name="Public">Where clients and forwarding nodes reach its services.</param>
/// <param name="Zone">Failure domain; replicas of a shard are put in different zones first. Empty: the node is a zone of its own.</param>
/// <param name="Weight">Share of the ring relative to the others, above 0.</param>
internal sealed record InitialNode(NodeId Id, HostAndPort Raft, HostAndPort Public, string Zone, double Weight);
