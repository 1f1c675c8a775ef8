using System.Globalization;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Reduces a violation to a readable size: the shortest prefix that contains it, without irrelevant operations. Each step keeps a sub-history that a
/// correct store could only have produced if it could have produced the whole history, so the result is a proof. An observation can always be
/// removed. A write can be removed if no remaining operation observed its value or (through a refused cas) that the state was a different one. An
/// append can be removed, if the written texts can be distinguished in reads (<see cref="AppendedTexts"/>), if its text occurs in no remaining
/// operation. An operation that is cut off by the end of the prefix is open.
/// </summary>
internal static class CounterExample
{
    public const string Anomaly = "not-linearizable";

    /// <param name="key">The key that is not linearizable.</param>
    /// <param name="operations">All of its operations.</param>
    /// <param name="steps">The steps of the search that found the violation.</param>
    /// <param name="initialValue">The initial state.</param>
    /// <param name="budget">The budget of all explanations of a history together.</param>
    public static Finding Explain(string key, IReadOnlyList<Operation> operations, long steps, string? initialValue, ShrinkBudget budget)
    {
        var small = new Shrinking(steps, initialValue, budget).Run(operations);
        var result = FirstUnexplained(small, initialValue, budget);
        var culprit = result.Culprit?.Source;
        var message = culprit is null
            ? $"key {key} is not linearizable"
            : $"key {key}: no order explains {OperationText.Describe(culprit)}; right before it completed the state could only be {string.Join(" or ", result.StatesBefore!)}";
        return new Finding(Anomaly, message)
        {
            Key = key,
            Operations = culprit is null ? small : [culprit, .. small.Where(operation => operation != culprit)],
            Explanation = LaneDrawing.Draw(small, culprit)
                + string.Create(CultureInfo.InvariantCulture, $"{small.Count} of the key's {operations.Count} operations; the others do not matter.\n"),
        };
    }

    /// <summary>
    /// Without the look-ahead, the culprit is the operation that people would name; if that search is too expensive, the culprit is an operation that
    /// may come later than necessary.
    /// </summary>
    private static SearchResult FirstUnexplained(List<Operation> small, string? initialValue, ShrinkBudget budget)
    {
        var result = RegisterSearch.Run(RegisterHistory.Compile(small, initialValue, nameAll: true), budget.ForCulprit, looksAhead: false);
        return result.Judgement == Judgement.Violation
            ? result
            : RegisterSearch.Run(RegisterHistory.Compile(small, initialValue, nameAll: true), budget.ForCulprit);
    }

    /// <summary>The operations that had started by <paramref name="end"/>; operations with later completions are open.</summary>
    private static List<Operation> Prefix(IReadOnlyList<Operation> operations, long end)
    {
        var prefix = new List<Operation>();
        foreach (var operation in operations)
        {
            if (operation.InvokedIndex >= end)
            {
                break;
            }

            if (operation.CompletedIndex <= end || operation.Outcome == OperationOutcome.Unknown)
            {
                prefix.Add(operation);
            }
            else if (operation.Function != Functions.Get && !operation.IsCompareMismatch)
            {
                prefix.Add(operation with { Completion = null });
            }
        }

        return prefix;
    }

    private sealed class Shrinking(long steps, string? initialValue, ShrinkBudget budget)
    {
        // True if the texts of appends can be distinguished; computed at the start of the run.
        private AppendedTexts? _texts;

        public List<Operation> Run(IReadOnlyList<Operation> operations)
        {
            _texts = operations.Any(static operation => operation.Function == Functions.Append)
                ? new AppendedTexts(operations.Where(static operation => operation.Argument.IsText).Select(static operation => operation.Argument.Content!).Append(initialValue ?? ""))
                : null;
            var small = ShortestPrefix(operations);

            // Zeller and Hildebrandt 2002 (ddmin): chunks first, because most operations are irrelevant.
            for (var chunk = Math.Max(1, small.Count / 2); ; chunk = Math.Max(1, chunk / 2))
            {
                var shrunk = Pass(small, chunk);
                if (chunk == 1 && shrunk.Count == small.Count)
                {
                    return small;
                }

                small = shrunk;
            }
        }

        /// <summary>By bisection: a history that is not linearizable stays so with any continuation.</summary>
        private List<Operation> ShortestPrefix(IReadOnlyList<Operation> operations)
        {
            var ends = operations.Select(operation => operation.CompletedIndex).Where(end => end != Operation.Never).Order().ToList();
            var (low, high) = (0, ends.Count - 1);
            while (low < high)
            {
                var middle = (low + high) / 2;
                if (StillViolates(Prefix(operations, ends[middle])))
                {
                    high = middle;
                }
                else
                {
                    low = middle + 1;
                }
            }

            return Prefix(operations, ends[low]);
        }

        private List<Operation> Pass(List<Operation> operations, int chunk)
        {
            for (var start = operations.Count - chunk; start > -chunk && !budget.IsSpent; start -= chunk)
            {
                var first = Math.Max(0, start);
                var without = operations.ToList();
                without.RemoveRange(first, Math.Min(chunk, start + chunk - first));
                if (MayDrop(operations, without) && StillViolates(without))
                {
                    operations = without;
                }
            }

            return operations;
        }

        /// <summary>True if the rest is still a proof: see the comment of the type.</summary>
        private bool MayDrop(List<Operation> operations, List<Operation> without)
        {
            var kept = new HashSet<Operation>(without, ReferenceEqualityComparer.Instance);
            var dropped = operations.Where(operation => !kept.Contains(operation));
            var writes = dropped.Where(operation => operation.Function != Functions.Get && !operation.IsCompareMismatch).ToList();
            if (writes.Count == 0)
            {
                return true;
            }

            if (_texts is not null)
            {
                return _texts.IsFramed && MayDropFrom(writes, without);
            }

            return !without.Exists(operation => operation.IsCompareMismatch)
                && !writes.Exists(write => without.Exists(operation => Saw(operation, Written(write)) || (Expires(write) && Saw(operation, null))));
        }

        /// <summary>
        /// If the text of an append occurs in no remaining operation, then no remaining operation lies between it and the next overwrite.
        /// </summary>
        private bool MayDropFrom(List<Operation> writes, List<Operation> without)
        {
            if (without.Exists(static operation => operation.IsCompareMismatch) || !writes.TrueForAll(static write => write.Argument.Content is { Length: > 0 } && !Expires(write)))
            {
                return false;
            }

            var seen = without.Where(static operation => operation.Function is Functions.Get or Functions.CompareAndSet)
                .Select(static operation => operation.Function == Functions.Get ? operation.Result.Content : operation.Invocation.Expected.Content)
                .SelectMany(text => _texts!.PartsOf(text ?? "")).ToHashSet(StringComparer.Ordinal);
            return !writes.Exists(write => seen.Contains(write.Argument.Content!));
        }

        private static bool Expires(Operation write) => write.Invocation.TtlNanoseconds is not null;

        private static string? Written(Operation write) => write.Function == Functions.Delete ? null : write.Argument.Content;

        private static bool Saw(Operation operation, string? value) => operation.Function switch
        {
            Functions.Get => operation.Result.Content == value,
            Functions.CompareAndSet => operation.Invocation.Expected.Content == value,
            _ => false,
        };

        private bool StillViolates(List<Operation> operations)
        {
            if (budget.IsSpent)
            {
                return false;
            }

            var result = RegisterSearch.Run(RegisterHistory.Compile(operations, initialValue), budget.ForAttempt(steps));
            budget.Spend(result.Steps + operations.Count);
            return result.Judgement == Judgement.Violation;
        }
    }
}
