using System.Globalization;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Does each side of a partition go on taking writes? Of the writes that clients of one node began while the nodes were cut into halves, so many of a
/// thousand must be acknowledged; <c>refused</c> otherwise. What was begun while the cut was being made belongs to no side: it may have been on its way to
/// the other one, and then its fate is unknown like that of any write whose answer is lost. Only where the header asks for it
/// (<see cref="ShareParameter"/>): of a strong store nobody demands it. One refusal of fewer than a thousand is not held against a node.
/// </summary>
public static class SideAvailability
{
    private const string Name = "sides";

    /// <summary>The partition in which each side has at least two nodes, and so can have a write twice.</summary>
    private const string Fault = "partition-halves";

    /// <summary>The header parameter with the writes of a thousand that must be acknowledged.</summary>
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
