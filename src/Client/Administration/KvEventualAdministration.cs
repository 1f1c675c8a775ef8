using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>Hints that a node holds: writes that other nodes missed while they were away.</summary>
/// <param name="HeldBy">The node that answered.</param>
/// <param name="Dropped">Hints it did not keep since it started, for lack of space or because of their age.</param>
public sealed record KvHints(string HeldBy, IReadOnlyList<KvHintsOfNode> Nodes, long Dropped)
{
    internal static KvHints From(ListHintsResponse hints) => new(
        hints.KeptBy,
        [.. hints.Nodes.Select(static node => new KvHintsOfNode(
            node.Node, node.Keys, WireValues.Instant(node.OldestMs), node.Delivered, WireValues.TextOrNull(node.LastError)))],
        hints.Dropped);
}

/// <summary>Hints for one node.</summary>
/// <param name="Delivered">Since the holder started.</param>
/// <param name="LastError">Why the last delivery failed; null: it did not.</param>
public sealed record KvHintsOfNode(string Node, long Keys, DateTimeOffset? OldestAt, long Delivered, string? LastError);

/// <summary>How far a node has compared its copies of eventual keys with those of other nodes. Counts begin when the node starts.</summary>
/// <param name="ReadRepairs">States sent to replicas that a read found to be behind.</param>
/// <param name="Rounds">Rounds of comparison.</param>
public sealed record KvRepairStatus(
    string Node, IReadOnlyList<KvRangeRepair> Ranges, long ReadRepairs, long TombstonesRemoved, long Rounds, bool IsPaused)
{
    internal static KvRepairStatus From(RepairStatusResponse status) => new(
        status.Node,
        [.. status.TokenRanges.Select(static range => new KvRangeRepair(
            range.Keyspace, range.TokenRange, [.. range.Others], WireValues.Instant(range.EqualAtMs), range.KeysRepaired, WireValues.TextOrNull(range.LastError)))],
        status.ReadRepairs, status.TombstonesRemoved, status.Rounds, status.Paused);
}

/// <summary>The comparison of one token range.</summary>
/// <param name="Range">0 to 255, clockwise.</param>
/// <param name="Others">The other nodes that hold it.</param>
/// <param name="EqualAt">When all copies were last found equal; null: not since the node started.</param>
/// <param name="LastError">Why the last comparison failed; null: it did not.</param>
public sealed record KvRangeRepair(
    string Keyspace, int Range, IReadOnlyList<string> Others, DateTimeOffset? EqualAt, long KeysRepaired, string? LastError);

/// <summary>The keys with the most siblings on one node.</summary>
/// <param name="Keys">Most siblings first.</param>
/// <param name="KeysWithSiblings">Keys of all keyspaces with more than one value on this node.</param>
public sealed record KvTopSiblings(string Node, IReadOnlyList<KvSiblingCount> Keys, long KeysWithSiblings)
{
    internal static KvTopSiblings From(TopSiblingsResponse top) => new(
        top.Node, [.. top.Keys.Select(static key => new KvSiblingCount(key.Key.Memory, key.Siblings, key.Bytes))], top.Several);
}

/// <summary>A key with several values.</summary>
/// <param name="Bytes">Of all its values together.</param>
public sealed record KvSiblingCount(ReadOnlyMemory<byte> Key, int Siblings, long Bytes);
