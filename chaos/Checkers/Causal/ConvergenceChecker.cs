using System.Text.Json;

namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Checks that merged values are correct and equal on all nodes. A key is a counter (<c>incr</c>) or a set (<c>add</c>, <c>remove</c>). At the end
/// every node is read (<see cref="CausalRead.FinalLevel"/>), and all answers must be equal: <c>differ</c>. A counter must lie between the sum of the
/// acknowledged increments and that sum plus the open ones: <c>lost-increment</c>, <c>extra-increment</c>. A set must contain each acknowledged
/// element without an attempted removal: <c>lost</c>; and no element that was never added: <c>unexpected</c>. The history does not show whether a
/// removal had seen an addition, so a removal is never a violation.
/// </summary>
public static class ConvergenceChecker
{
    private const string Name = "convergence";

    /// <exception cref="HistoryFormatException">An operation is not an operation of a counter or a set.</exception>
    public static Verdict Check(History history)
    {
        ArgumentNullException.ThrowIfNull(history);
        var findings = new FindingList();
        var figures = new SortedDictionary<string, double>(StringComparer.Ordinal) { ["acknowledged"] = 0, ["final-reads"] = 0 };
        foreach (var key in history.Operations.GroupBy(static operation => operation.Key ?? "", StringComparer.Ordinal))
        {
            var operations = key.ToList();
            var reads = operations.FindAll(static operation => operation is { Function: Functions.Read, IsOk: true, Invocation.Level: CausalRead.FinalLevel });
            figures["acknowledged"] += operations.Count(static operation => operation.IsOk && operation.Function != Functions.Read);
            figures["final-reads"] += reads.Count;
            foreach (var other in reads.Skip(1).Where(other => other.Result.Content != reads[0].Result.Content))
            {
                findings.Add(new Finding("differ", $"{reads[0].Invocation.Node} answers {reads[0].Result.Content}, {other.Invocation.Node} {other.Result.Content}") { Key = key.Key, Operations = [other, reads[0]] });
            }

            foreach (var read in reads)
            {
                Check(key.Key, operations, read, findings);
            }
        }

        return findings.ToVerdict(Name, figures);
    }

    private static void Check(string key, List<Operation> operations, Operation read, FindingList findings)
    {
        using var value = JsonText.ParseValue(read.Completion!);
        if (value.RootElement.ValueKind == JsonValueKind.Number)
        {
            CheckCounter(key, operations, read, JsonText.Integer(read.Completion!, value.RootElement, "a counter"), findings);
        }
        else
        {
            CheckSet(key, operations, read, [.. JsonText.Elements(read.Completion!, value.RootElement)], findings);
        }
    }

    private static void CheckCounter(string key, List<Operation> operations, Operation read, long found, FindingList findings)
    {
        var (least, most) = (0L, 0L);
        foreach (var operation in operations.Where(static operation => operation.Function != Functions.Read && operation.MayTakeEffect))
        {
            Demand(operation, Functions.Increment, "counter");
            using var asked = JsonText.ParseValue(operation.Invocation);
            var delta = JsonText.Integer(operation.Invocation, asked.RootElement, "an increment");
            least += operation.IsOk ? delta : Math.Min(0, delta);
            most += operation.IsOk ? delta : Math.Max(0, delta);
        }

        if (found < least || found > most)
        {
            findings.Add(new Finding(found < least ? "lost-increment" : "extra-increment", $"{found} is not between {least} and {most}") { Key = key, Operations = [read] });
        }
    }

    private static void CheckSet(string key, List<Operation> operations, Operation read, HashSet<string> found, FindingList findings)
    {
        var removed = new HashSet<string>(StringComparer.Ordinal);
        var added = new Dictionary<string, Operation>(StringComparer.Ordinal);
        foreach (var operation in operations.Where(static operation => operation.Function != Functions.Read && operation.MayTakeEffect))
        {
            var element = JsonText.Element(operation.Invocation);
            if (operation.Function == Functions.Remove)
            {
                removed.Add(element);
                continue;
            }

            Demand(operation, Functions.Add, "set");
            added.TryAdd(element, operation);
        }

        foreach (var (element, add) in added.Where(pair => pair.Value.IsOk && !removed.Contains(pair.Key) && !found.Contains(pair.Key)))
        {
            findings.Add(new Finding("lost", $"{element} was acknowledged, no operation removed it, and {read.Invocation.Node} does not have it") { Key = key, Operations = [read, add] });
        }

        foreach (var element in found.Where(element => !added.ContainsKey(element)))
        {
            findings.Add(new Finding("unexpected", $"{read.Invocation.Node} has {element}, which no operation added") { Key = key, Operations = [read] });
        }
    }

    private static void Demand(Operation operation, string function, string kind)
    {
        if (operation.Function != function)
        {
            throw new HistoryFormatException(operation.Invocation.Line, "f", $"\"{operation.Function}\" is no operation of a {kind}");
        }
    }
}
