using System.Text.Json;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Checks that increments are applied exactly once. Every <c>read</c>, and every <c>incr</c> whose answer contains the new value, must lie between
/// the sum of the increments acknowledged before its start and the sum of those started before its end. A lower value is <c>lost-increment</c>; a
/// higher one is <c>extra-increment</c>: a retry was applied twice, or a failed increment was applied. If all deltas are positive, a read must not be
/// lower than an earlier one: <c>went-backwards</c>. One counter per key.
/// </summary>
public static class CounterChecker
{
    private const string Name = "counter";

    /// <summary>The header parameter with the initial value of every counter; 0 if it is missing.</summary>
    public const string InitialParameter = "initial";

    /// <exception cref="HistoryFormatException">An operation is not an operation of a counter.</exception>
    public static Verdict Check(History history)
    {
        ArgumentNullException.ThrowIfNull(history);
        var findings = new FindingList();
        var initial = history.Header.Parameters.GetValueOrDefault(InitialParameter);
        var readings = 0;
        foreach (var counter in history.Operations.GroupBy(operation => operation.Key ?? "", StringComparer.Ordinal))
        {
            readings += CheckOne(counter.Key, [.. counter], initial, findings);
        }

        return findings.ToVerdict(Name, new SortedDictionary<string, double>(StringComparer.Ordinal)
        {
            ["increments-acknowledged"] = history.Operations.Count(operation => operation is { Function: Functions.Increment, IsOk: true }),
            ["increments-open"] = history.Operations.Count(operation => operation is { Function: Functions.Increment, Outcome: OperationOutcome.Unknown }),
            ["readings"] = readings,
        });
    }

    private static int CheckOne(string key, List<Operation> operations, long initial, FindingList findings)
    {
        var deltas = new List<Delta>();
        var readings = new List<Reading>();
        foreach (var operation in operations)
        {
            var own = 0L;
            if (operation.Function == Functions.Increment)
            {
                own = Integer(operation.Invocation);
                if (operation.MayTakeEffect)
                {
                    deltas.Add(new Delta(own, operation.InvokedIndex, operation.CompletedIndex));
                }
            }
            else if (operation.Function != Functions.Read)
            {
                throw new HistoryFormatException(operation.Invocation.Line, "f", $"\"{operation.Function}\" is no operation of a counter");
            }

            var answers = operation.Function == Functions.Read || !operation.Result.IsMissing;
            if (operation.IsOk && operation.IsLinearizableLevel && answers)
            {
                readings.Add(new Reading(operation, Integer(operation.Completion!), own));
            }
        }

        CheckBounds(key, readings, new DeltaBounds(initial, deltas), findings);
        if (deltas.TrueForAll(delta => delta.Amount >= 0))
        {
            CheckForward(key, readings, findings);
        }

        return readings.Count;
    }

    private static void CheckBounds(string key, List<Reading> readings, DeltaBounds bounds, FindingList findings)
    {
        foreach (var (operation, value, own) in readings)
        {
            var (lower, upper) = bounds.At(operation.InvokedIndex, operation.CompletedIndex);

            // The answer of an increment includes its own delta, which the bounds treat as only possible.
            lower += Math.Max(0, own);
            upper += Math.Min(0, own);
            if (value >= lower && value <= upper)
            {
                continue;
            }

            var anomaly = value < lower ? "lost-increment" : "extra-increment";
            findings.Add(new Finding(anomaly, $"{OperationText.Describe(operation)} saw {value}, outside {lower}..{upper}: acknowledged before it began, begun before it was over")
            {
                Key = key.Length == 0 ? null : key,
                Operations = [operation],
            });
        }
    }

    private static void CheckForward(string key, List<Reading> readings, FindingList findings)
    {
        var byCompletion = readings.OrderBy(reading => reading.Operation.CompletedIndex).ToList();
        var over = 0;
        Reading? highest = null;
        foreach (var reading in readings)
        {
            for (; over < byCompletion.Count && byCompletion[over].Operation.Precedes(reading.Operation); over++)
            {
                if (highest is null || byCompletion[over].Value > highest.Value)
                {
                    highest = byCompletion[over];
                }
            }

            if (highest is not null && reading.Value < highest.Value)
            {
                findings.Add(new Finding("went-backwards", $"{OperationText.Describe(reading.Operation)} saw {reading.Value} after {OperationText.Describe(highest.Operation)} had seen {highest.Value}")
                {
                    Key = key.Length == 0 ? null : key,
                    Operations = [reading.Operation, highest.Operation],
                });
            }
        }
    }

    private static long Integer(HistoryEvent at)
    {
        using JsonDocument document = JsonText.ParseValue(at);
        return JsonText.Integer(at, document.RootElement, "it");
    }

    private sealed record Reading(Operation Operation, long Value, long Own);
}
