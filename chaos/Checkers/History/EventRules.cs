namespace KvRaft.Chaos.Checkers;

/// <summary>The required members of an event, by its function. Functions that are unknown here are left to their own checkers.</summary>
internal static class EventRules
{
    /// <exception cref="HistoryFormatException">A member is missing or has the wrong type.</exception>
    public static void CheckInvocation(HistoryEvent invocation)
    {
        if (!IsRegisterFunction(invocation.Function))
        {
            return;
        }

        Require(invocation, invocation.Key is not null, "key", "is missing");
        switch (invocation.Function)
        {
            case Functions.Put or Functions.Append:
                Require(invocation, invocation.Value.IsText, "value", $"must be text on {invocation.Function}");
                break;
            case Functions.CompareAndSet:
                Require(invocation, invocation.Value.IsText || invocation.Value.IsNull, "value", "must be text or null on cas");
                Require(invocation, invocation.Expected.IsText || invocation.Expected.IsNull, "expected", "must be text or null on cas");
                break;
        }
    }

    /// <exception cref="HistoryFormatException">The completion does not fit its invocation.</exception>
    public static void CheckCompletion(HistoryEvent invocation, HistoryEvent completion)
    {
        Require(completion, completion.Function == invocation.Function, "f", $"is \"{completion.Function}\", invoked as \"{invocation.Function}\"");
        Require(completion, completion.Key is null || completion.Key == invocation.Key, "key", "differs from the invocation's");
        if (completion is { Function: Functions.Get, Type: EventType.Ok })
        {
            Require(completion, completion.Value.IsText || completion.Value.IsNull, "value", "must be text or null on an ok get");
        }
    }

    private static bool IsRegisterFunction(string function) =>
        function is Functions.Get or Functions.Put or Functions.Delete or Functions.CompareAndSet or Functions.Append;

    private static void Require(HistoryEvent at, bool holds, string member, string reason)
    {
        if (!holds)
        {
            throw new HistoryFormatException(at.Line, member, reason);
        }
    }
}
