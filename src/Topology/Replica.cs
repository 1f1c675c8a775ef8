namespace KvRaft.Topology;

/// <summary>One copy of a shard.</summary>
/// <param name="Node">The node that holds it.</param>
/// <param name="Incarnation">The number of the copy on that node: a wiped replica returns with a higher number and as a new voter, never as the old
/// voter without its state. The first is 1.</param>
public readonly record struct Replica(NodeId Node, int Incarnation)
{
    public const int IncarnationFirst = 1;

    public override string ToString() => $"{Node}/{Incarnation}";
}
