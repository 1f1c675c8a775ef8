namespace KvRaft.Topology;

/// <summary>One of the points of a node on the ring.</summary>
public readonly record struct VirtualNode(Token Token, NodeId Node)
{
    public override string ToString() => $"{Token} {Node}";
}
