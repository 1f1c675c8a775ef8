using KvRaft.Topology;

namespace KvRaft.Raft.Log;

/// <summary>Whose log files these are; written into every segment, so that one node can never run on another's promises.</summary>
internal sealed record LogIdentity(Guid ClusterId, NodeId Node)
{
    public override string ToString() => $"node '{Node}' of cluster {ClusterId}";
}
