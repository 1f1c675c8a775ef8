namespace KvRaft.Chaos.Checkers;

/// <summary>Selects the operations that are drawn with a finding: those of its key, near the proof.</summary>
internal static class TimelineSelection
{
    public static IReadOnlyList<Operation> Around(Finding finding, History history, TimelineOptions options)
    {
        var proof = Proof(finding);
        var keys = proof.Select(operation => operation.Key).ToHashSet();
        var candidates = history.Operations.Where(operation => keys.Contains(operation.Key)).ToList();
        if (candidates.Count <= options.OperationsMax)
        {
            return candidates;
        }

        var near = new bool[candidates.Count];
        for (var place = 0; place < candidates.Count; place++)
        {
            if (proof.Contains(candidates[place].InvokedIndex))
            {
                near.AsSpan(Math.Max(0, place - options.Neighbours)..Math.Min(near.Length, place + options.Neighbours + 1)).Fill(true);
            }
        }

        return [.. candidates.Where((_, place) => near[place])];
    }

    /// <summary>
    /// The operations of the proof by invocation. A shrunk proof may contain cut-off copies of operations, so the index of the invocation identifies
    /// them.
    /// </summary>
    public static ProofSet Proof(Finding finding) => new(finding.Operations);
}

/// <summary>The operations that prove a finding; the first is the culprit.</summary>
internal sealed class ProofSet(IReadOnlyList<Operation> operations)
{
    private readonly HashSet<long> _invocations = [.. operations.Select(operation => operation.InvokedIndex)];

    public bool Contains(long invokedIndex) => _invocations.Contains(invokedIndex);

    public bool IsCulprit(long invokedIndex) => operations.Count > 0 && operations[0].InvokedIndex == invokedIndex;

    public IEnumerable<T> Select<T>(Func<Operation, T> selector) => operations.Select(selector);
}
