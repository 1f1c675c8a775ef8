using System.Globalization;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Makes a violation small enough to be understood: the shortest prefix that shows it, without the operations that do not
/// matter. Every step keeps a sub-history that a correct store could only have produced if it could have produced the
/// whole, so the rest is a proof, not an illustration:
/// observations can always be left out; a write can where nobody left observed what it wrote or (through a refused cas)
/// that the state was another one; and an operation cut off by the end of the prefix is open.
/// </summary>
internal static class CounterExample
{
    public const string Anomaly = "not-linearizable";

    public static Finding Explain(string key, IReadOnlyList<Operation> operations, LinearizabilityOptions options)
    {
        var small = new Shrinking(options).Run(operations);
        var result = RegisterSearch.Run(RegisterHistory.Compile(small, options.InitialValue, nameAll: true), options.ShrinkStepsMax, looksAhead: false);
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

    private sealed class Shrinking(LinearizabilityOptions options)
    {
        private long _stepsLeft = options.ShrinkStepsMax;

        public List<Operation> Run(IReadOnlyList<Operation> operations)
        {
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
            for (var start = operations.Count - chunk; start > -chunk && _stepsLeft > 0; start -= chunk)
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
        private static bool MayDrop(List<Operation> operations, List<Operation> without)
        {
            var kept = new HashSet<Operation>(without, ReferenceEqualityComparer.Instance);
            var dropped = operations.Where(operation => !kept.Contains(operation));
            var writes = dropped.Where(operation => operation.Function != Functions.Get && !operation.IsCompareMismatch).ToList();
            if (writes.Count == 0)
            {
                return true;
            }

            return writes.TrueForAll(write => write.Function != Functions.Append)
                && !without.Exists(operation => operation.IsCompareMismatch || operation.Function == Functions.Append)
                && !writes.Exists(write => without.Exists(operation => Saw(operation, Written(write)) || (Expires(write) && Saw(operation, null))));
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
            var result = RegisterSearch.Run(RegisterHistory.Compile(operations, options.InitialValue), Math.Min(options.StepsPerKeyMax, _stepsLeft));
            _stepsLeft -= result.Steps;
            return result.Judgement == Judgement.Violation;
        }
    }
}
