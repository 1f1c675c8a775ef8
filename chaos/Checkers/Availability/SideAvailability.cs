using System.Globalization;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Checks that each side of a partition accepts writes. Of the writes that clients of one node started while the nodes were partitioned into halves,
/// the given number per thousand must be acknowledged; otherwise <c>refused</c>. Writes that started while the partition was being created are not
/// counted for any side: they may have been on their way to the other side, and their outcome is then unknown. Checked only if the header contains
/// <see cref="ShareParameter"/>, because a strong store does not have this property. A single refusal among fewer than a thousand writes of a node is
/// tolerated.
/// </summary>
public static class SideAvailability
{
    private const string Name = "sides";

    /// <summary>The partition in which each side has at least two nodes, and therefore can store a write twice.</summary>
    private const string Fault = "partition-halves";

    /// <summary>The header parameter with the writes per thousand that must be acknowledged.</summary>
    public const string ShareParameter = "side-share-min-permille";

    public static Verdict Check(History history)
    {
        ArgumentNullException.ThrowIfNull(history);
        var findings = new FindingList();
        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal);
        if (history.Header.Parameters.TryGetValue(ShareParameter, out var permille))
        {
            var spans = FaultSpan.Of(history.Marks).Where(static span => span.Start.Fault == Fault && span.Heal is not null).ToList();
            var writes = history.Operations.Where(operation => AvailabilityChecker.IsWrite(operation)
                && spans.Exists(span => operation.InvokedIndex > span.Complete.Index && operation.InvokedIndex < span.Heal!.Index)).ToList();
            figures["writes"] = writes.Count;
            figures["acknowledged"] = writes.Count(static write => write.IsOk);
            foreach (var node in writes.GroupBy(static write => write.Invocation.Node ?? "any", StringComparer.Ordinal).OrderBy(static node => node.Key, StringComparer.Ordinal))
            {
                var refused = node.Where(static write => !write.IsOk).ToList();
                if (refused.Count > Math.Max(1, node.Count() * (1000 - permille) / 1000))
                {
                    findings.Add(new Finding("refused", string.Create(CultureInfo.InvariantCulture, $"{refused.Count} of {node.Count()} writes through {node.Key} were not acknowledged, the first with {refused[0].Error}")) { Operations = [refused[0]] });
                }
            }
        }

        return findings.ToVerdict(Name, figures);
    }
}
