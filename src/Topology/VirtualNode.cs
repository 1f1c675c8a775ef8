namespace KvRaft.Topology;

/// <summary>One of a node's points on the ring.</summary>
public readonly record struct VirtualNode(Token Token, NodeId Node)
{
    public override string ToString() => $"{Token} {Node}";
}
