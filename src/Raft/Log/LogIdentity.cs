using KvRaft.Topology;

namespace KvRaft.Raft.Log;

/// <summary>The owner of the log files. It is written into every segment, so that a node never runs on the votes and entries of another.</summary>
internal sealed record LogIdentity(Guid ClusterId, NodeId Node)
{
    public override string ToString() => $"node '{Node}' of cluster {ClusterId}";
}
