using KvRaft.Chaos.Checkers;

namespace KvRaft.Checkers.Tests.Support;

/// <summary>
/// Linearizability by definition: tries every order that respects real time, with every subset of the open operations. It has no memoization and
/// shares no code with the real checker; exponential, so for at most a dozen operations.
/// </summary>
internal static class BruteForce
{
    public static bool IsLinearizable(IReadOnlyList<Operation> operations) => Search([.. operations.Where(IsTelling)], null);

    private static bool IsTelling(Operation operation) => operation.Function == Functions.Get
        ? operation.IsOk
        : operation.Outcome != OperationOutcome.Failed || operation.Error == ErrorCodes.CompareMismatch;

    private static bool Search(List<Operation> left, string? state)
    {
        if (left.TrueForAll(operation => operation.Outcome == OperationOutcome.Unknown))
        {
            return true;
        }

        foreach (var next in left)
        {
            if (left.Exists(other => other.Precedes(next)) || !Step(next, state, out var after))
            {
                continue;
            }

            if (Search([.. left.Where(other => !ReferenceEquals(other, next))], after))
            {
                return true;
            }
        }

        return false;
    }

    private static bool Step(Operation operation, string? state, out string? after)
    {
        after = state;
        switch (operation.Function)
        {
            case Functions.Get:
                return operation.Completion!.Value.Content == state;
            case Functions.Put:
                after = operation.Invocation.Value.Content;
                return true;
            case Functions.Delete:
                after = null;
                return true;
            case Functions.Append:
                after = state + operation.Invocation.Value.Content;
                return true;
            case Functions.CompareAndSet when operation.Outcome == OperationOutcome.Failed:
                return operation.Invocation.Expected.Content != state;
            case Functions.CompareAndSet:
                after = operation.Invocation.Value.Content;
                return operation.Invocation.Expected.Content == state;
            default:
                throw new ArgumentException(operation.Function);
        }
    }
}
