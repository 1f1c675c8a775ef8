namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Checks that a set that only grows keeps its acknowledged elements. An element is <i>known</i> from the time at which its add was acknowledged or a
/// read that contained it ended, whichever is earlier (Jepsen's set-full). If a later read misses it, the element is <c>lost</c> if no read as late
/// as the last miss contains it, and <c>stale</c> if it reappears, which is allowed only for reads weaker than linearizable. <c>duplicated</c>: twice
/// in one read. <c>unexpected</c>: never added, added later than the read, or its add certainly failed. One set per key.
/// </summary>
public static class SetChecker
{
    private const string Name = "set";

    /// <exception cref="HistoryFormatException">An operation is not an operation of a set, or an element is added twice.</exception>
    public static Verdict Check(History history)
    {
        ArgumentNullException.ThrowIfNull(history);
        var findings = new FindingList();
        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal) { ["acknowledged"] = 0, ["never-read"] = 0, ["reads"] = 0 };
        foreach (var set in history.Operations.GroupBy(operation => operation.Key ?? "", StringComparer.Ordinal))
        {
            new OneSet(set.Key.Length == 0 ? null : set.Key, findings, figures).Check(set);
        }

        return findings.ToVerdict(Name, figures);
    }

    private sealed class Element(Operation added)
    {
        public Operation Added { get; } = added;

        public long Known { get; set; } = added.IsOk ? added.CompletedIndex : Operation.Never;

        public Operation? LastSeen { get; set; }

        public Operation? LastMissed { get; set; }

        /// <summary>The number of the last read that contains it; avoids a set of elements per read.</summary>
        public int SeenIn { get; set; } = -1;
    }

    private sealed class OneSet(string? key, FindingList findings, SortedDictionary<string, double> figures)
    {
        private readonly Dictionary<string, Element> _elements = new(StringComparer.Ordinal);
        private readonly List<(Operation Operation, string[] Elements)> _reads = [];

        public void Check(IEnumerable<Operation> operations)
        {
            foreach (var operation in operations)
            {
                Take(operation);
            }

            foreach (var (read, elements) in _reads)
            {
                CheckContent(read, elements);
            }

            for (var number = 0; number < _reads.Count; number++)
            {
                CheckMissing(number);
            }

            foreach (var (name, element) in _elements)
            {
                Judge(name, element);
            }

            figures["reads"] += _reads.Count;
        }

        private void Take(Operation operation)
        {
            switch (operation.Function)
            {
                case Functions.Add:
                    var name = JsonText.Element(operation.Invocation);
                    if (!_elements.TryAdd(name, new Element(operation)))
                    {
                        throw JsonText.Fault(operation.Invocation, $"{name} was added before: elements must be unique");
                    }

                    break;
                case Functions.Read when operation.IsOk:
                    using (var document = JsonText.ParseValue(operation.Completion!))
                    {
                        _reads.Add((operation, JsonText.Elements(operation.Completion!, document.RootElement)));
                    }

                    break;
                case Functions.Read:
                    break;
                default:
                    throw new HistoryFormatException(operation.Invocation.Line, "f", $"\"{operation.Function}\" is no operation of a set");
            }
        }

        private void CheckContent(Operation read, string[] elements)
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            foreach (var name in elements)
            {
                if (!seen.Add(name))
                {
                    Find("duplicated", $"p{read.Process} read {name} twice", read);
                }

                if (!_elements.TryGetValue(name, out var element))
                {
                    Find("unexpected", $"p{read.Process} read {name}, which no operation added", read);
                }
                else if (!element.Added.MayTakeEffect || read.Precedes(element.Added))
                {
                    var why = element.Added.MayTakeEffect ? "was added later" : "certainly failed to be added";
                    Find("unexpected", $"p{read.Process} read {name}, which {why}", read, element.Added);
                }
                else
                {
                    element.Known = Math.Min(element.Known, read.CompletedIndex);
                }
            }
        }

        private void CheckMissing(int number)
        {
            var (read, elements) = _reads[number];
            foreach (var name in elements)
            {
                if (_elements.TryGetValue(name, out var element))
                {
                    element.SeenIn = number;
                    element.LastSeen = Later(element.LastSeen, read);
                }
            }

            foreach (var element in _elements.Values)
            {
                if (element.SeenIn != number && element.Known < read.InvokedIndex)
                {
                    element.LastMissed = Later(element.LastMissed, read);
                }
            }
        }

        private void Judge(string name, Element element)
        {
            figures["acknowledged"] += element.Added.IsOk ? 1 : 0;
            if (element is { LastSeen: null, LastMissed: null })
            {
                figures["never-read"] += element.Added.IsOk ? 1 : 0;
                return;
            }

            if (element.LastMissed is not { } missed)
            {
                return;
            }

            if (element.LastSeen is not { } seen || seen.Precedes(missed))
            {
                Find("lost", $"{name} was {(element.Added.IsOk ? "acknowledged" : "seen")} and is gone from the read of p{missed.Process} at index {missed.InvokedIndex}", missed, element.Added);
            }
            else if (missed.IsLinearizableLevel)
            {
                Find("stale", $"{name} was known before p{missed.Process} began to read at index {missed.InvokedIndex} and missed it; it was seen again", missed, element.Added, seen);
            }
        }

        private static Operation Later(Operation? one, Operation other) => one is null || other.InvokedIndex > one.InvokedIndex ? other : one;

        private void Find(string anomaly, string message, params Operation[] operations) =>
            findings.Add(new Finding(anomaly, message) { Key = key, Operations = operations });
    }
}
