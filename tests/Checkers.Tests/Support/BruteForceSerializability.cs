using System.Text.Json;
using KvRaft.Chaos.Checkers;

namespace KvRaft.Checkers.Tests.Support;

/// <summary>Strict serializability of list-append transactions by definition: every order, every subset of the open ones.</summary>
internal static class BruteForceSerializability
{
    public static bool IsStrictlySerializable(IReadOnlyList<Operation> operations) =>
        Search([.. operations.Where(operation => operation.Outcome != OperationOutcome.Failed)], new SortedDictionary<string, string>());

    private static bool Search(List<Operation> left, SortedDictionary<string, string> lists)
    {
        if (left.TrueForAll(operation => operation.Outcome == OperationOutcome.Unknown))
        {
            return true;
        }

        foreach (var next in left)
        {
            if (left.Exists(other => other.Precedes(next)))
            {
                continue;
            }

            var after = new SortedDictionary<string, string>(lists);
            if (Step(next, after) && Search([.. left.Where(other => !ReferenceEquals(other, next))], after))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Step(Operation operation, SortedDictionary<string, string> lists)
    {
        using var document = JsonDocument.Parse((operation.IsOk ? operation.Result : operation.Argument).Content!);
        foreach (var step in document.RootElement.EnumerateArray())
        {
            var key = step[1].GetString()!;
            var list = lists.GetValueOrDefault(key, "");
            if (step[0].GetString() == "append")
            {
                lists[key] = list.Length == 0 ? step[2].GetRawText() : $"{list},{step[2].GetRawText()}";
            }
            else if (operation.IsOk && step[2].GetRawText() != $"[{list}]")
            {
                return false;
            }
        }

        return true;
    }
}
