using KvRaft.Topology;

namespace KvRaft.Raft.Clocks;

/// <summary>
/// Decides which clocks are correct. The reference is the median of the readable wall clocks, the lower one of two. While more than half of all nodes agree
/// with it, wrong clocks cannot move it. If they do not agree, no clock is proven correct, and the node at the median is the best choice to
/// lead. Pure.
/// </summary>
internal sealed class ClockVerdict
{
    private readonly Dictionary<NodeId, (double Offset, double Error)> _offsets;

    private ClockVerdict(double reference, bool isAgreed, Dictionary<NodeId, (double Offset, double Error)> offsets)
    {
        Reference = reference;
        IsAgreed = isAgreed;
        _offsets = offsets;
    }

    /// <summary>The clock at the median, milliseconds ahead of the monotonic clock.</summary>
    public double Reference { get; }

    /// <summary>A majority of the nodes is within <see cref="ClockRules.OffsetMax"/> of the reference.</summary>
    public bool IsAgreed { get; }

    public IReadOnlyCollection<NodeId> Nodes => _offsets.Keys;

    /// <param name="readings">The readings of the nodes that answer, and of this node: never empty, and each node once.</param>
    /// <param name="known">The number of nodes, with or without an answer, this one included.</param>
    public static ClockVerdict Of(IReadOnlyCollection<ClockReading> readings, int known)
    {
        Invariant.Holds(readings.Count > 0 && readings.Count <= known, $"{readings.Count} of {known} clocks were read.");
        var inOrder = readings.OrderBy(static reading => reading.Wall).ThenBy(static reading => reading.Node).ToArray();
        var reference = inOrder[(inOrder.Length - 1) / 2].Wall;
        var offsets = readings.ToDictionary(static reading => reading.Node, reading => (reading.Wall - reference, reading.Error));
        return new(reference, 2 * offsets.Values.Count(static offset => IsNear(offset)) > known, offsets);
    }

    /// <summary>How far a node's wall clock is ahead of the reference; null if it was not read.</summary>
    public TimeSpan? OffsetOf(NodeId node) => _offsets.TryGetValue(node, out var offset) ? Span(offset.Offset) : null;

    /// <summary>
    /// True if a node's clock allows it to lead: the clock is near the reference. Also true for a node without a reading, because there is no evidence against it. The result is true for at least one node with
    /// a reading.
    /// </summary>
    public bool MayLead(NodeId node) => !_offsets.TryGetValue(node, out var offset) || IsNear(offset);

    private static bool IsNear((double Offset, double Error) offset) => Math.Abs(offset.Offset) - offset.Error <= ClockRules.OffsetMax.TotalMilliseconds;

    // Another node's clock may have any value.
    private static TimeSpan Span(double milliseconds) => TimeSpan.FromMilliseconds(Math.Clamp(milliseconds, -1e14, 1e14));
}
