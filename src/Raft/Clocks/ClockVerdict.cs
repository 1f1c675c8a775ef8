using KvRaft.Topology;

namespace KvRaft.Raft.Clocks;

/// <summary>
/// Who is right about the time. The reference is the median of the wall clocks that can be read, the lower one of two; while more than half of all nodes known agree
/// with it, wrong clocks cannot move it. Where they do not agree nobody is known to be right, and the node at the median is as good as any: it is the best placed to
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

    /// <summary>What the clock at the median shows, milliseconds ahead of the monotonic clock.</summary>
    public double Reference { get; }

    /// <summary>A majority of the nodes known is within <see cref="ClockRules.OffsetMax"/> of the reference.</summary>
    public bool IsAgreed { get; }

    public IReadOnlyCollection<NodeId> Nodes => _offsets.Keys;

    /// <param name="readings">Of the nodes that answer, and of this node: never empty, and each node once.</param>
    /// <param name="known">How many nodes there are, answering or not, this one included.</param>
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
    /// Whether a node may lead as far as clocks go: its clock is near the reference. True for one that was not read, since nothing is known against it. At least one node that
    /// was read always may.
    /// </summary>
    public bool MayLead(NodeId node) => !_offsets.TryGetValue(node, out var offset) || IsNear(offset);

    private static bool IsNear((double Offset, double Error) offset) => Math.Abs(offset.Offset) - offset.Error <= ClockRules.OffsetMax.TotalMilliseconds;

    // Another node's clock may show anything.
    private static TimeSpan Span(double milliseconds) => TimeSpan.FromMilliseconds(Math.Clamp(milliseconds, -1e14, 1e14));
}
