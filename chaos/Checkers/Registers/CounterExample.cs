using System.Globalization;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Makes a violation small enough to be understood: the shortest prefix that shows it, without the operations that do not
/// matter. Every step keeps a sub-history that a correct store could only have produced if it could have produced the
/// whole, so the rest is a proof, not an illustration:
/// observations can always be left out; a write can where nobody left observed what it wrote or (through a refused cas)
/// that the state was another one; of appends, where the texts written can be told apart in what was read (<see cref="AppendedTexts"/>), one whose text occurs in
/// nothing that is left; and an operation cut off by the end of the prefix is open.
/// </summary>
internal static class CounterExample
{
    public const string Anomaly = "not-linearizable";

    /// <param name="key">The key that is not linearizable.</param>
    /// <param name="operations">All of its operations.</param>
    /// <param name="steps">What it took to find that out.</param>
    /// <param name="initialValue">The state at the start.</param>
    /// <param name="budget">Of all explanations of a history together.</param>
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

    /// <summary>Without looking ahead the culprit is the operation that people would name; where that is too dear, one that is known to be too late.</summary>
    private static SearchResult FirstUnexplained(List<Operation> small, string? initialValue, ShrinkBudget budget)
    {
        var result = RegisterSearch.Run(RegisterHistory.Compile(small, initialValue, nameAll: true), budget.ForCulprit, looksAhead: false);
        return result.Judgement == Judgement.Violation
            ? result
            : RegisterSearch.Run(RegisterHistory.Compile(small, initialValue, nameAll: true), budget.ForCulprit);
    }

    /// <summary>What had begun by <paramref name="end"/>; later completions are not known yet, so their operations are open.</summary>
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
        // Whether the texts of appends can be told apart; known once the run begins.
        private AppendedTexts? _texts;

        public List<Operation> Run(IReadOnlyList<Operation> operations)
        {
            _texts = operations.Any(static operation => operation.Function == Functions.Append)
                ? new AppendedTexts(operations.Where(static operation => operation.Argument.IsText).Select(static operation => operation.Argument.Content!).Append(initialValue ?? ""))
                : null;
            var small = ShortestPrefix(operations);

            // Zeller and Hildebrandt 2002 (ddmin): chunks first, because most operations do not matter.
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

        /// <summary>By bisection: what is not linearizable stays so whatever comes after it.</summary>
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

        /// <summary>The proof stays a proof: see the type's comment.</summary>
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

        /// <summary>Where the text of a write stands in nothing that is left, nothing that is left came between it and the next overwriting.</summary>
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
