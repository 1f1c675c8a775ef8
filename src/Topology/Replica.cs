namespace KvRaft.Topology;

/// <summary>One copy of a shard.</summary>
/// <param name="Node">Where it lives.</param>
/// <param name="Incarnation">
/// Which copy on that node: a wiped replica comes back under a higher number, as a new voter, never as the old one with amnesia.
/// The first is 1.
/// </param>
public readonly record struct Replica(NodeId Node, int Incarnation)
{
    public const int IncarnationFirst = 1;

    public override string ToString() => $"{Node}/{Incarnation}";
}
