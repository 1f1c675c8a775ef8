namespace KvRaft.Chaos.Checkers;

/// <summary>
/// A put or delete of an eventual key, with the values that its writer had read, which it replaces. Exactly these writes replace a value, so the
/// check needs neither the contexts nor the clocks of the store.
/// </summary>
/// <param name="Operation">Invoked with <c>{"write":"v","saw":["a"]}</c>; a delete writes nothing.</param>
/// <param name="Value">Null: a delete.</param>
/// <param name="Saw">The values in the read of its writer.</param>
/// <param name="Overlaps">It was acknowledged with the guarantee that every quorum read sees it.</param>
/// <param name="MayStandTwice">Its value may exist under two dots, because it was sent again after a timeout; a writer that replaced one of them has
/// not seen the other. Always possible if the outcome is unknown.</param>
internal sealed record CausalWrite(Operation Operation, string? Value, string[] Saw, bool Overlaps, bool MayStandTwice)
{
    /// <exception cref="HistoryFormatException">The operation is not a write of an eventual key.</exception>
    public static CausalWrite Of(Operation operation)
    {
        using var asked = JsonText.ParseValue(operation.Invocation);
        var value = operation.Function == Functions.EventualDelete ? null : JsonText.Member(operation.Invocation, asked.RootElement, "write").GetString();
        var saw = JsonText.Texts(operation.Invocation, JsonText.Member(operation.Invocation, asked.RootElement, "saw"));
        if (!operation.IsOk)
        {
            return new CausalWrite(operation, value, saw, Overlaps: false, MayStandTwice: true);
        }

        using var answer = JsonText.ParseValue(operation.Completion!);
        return new CausalWrite(
            operation, value, saw, JsonText.Flag(answer.RootElement, "overlaps"), JsonText.Flag(answer.RootElement, "repeated"));
    }
}

/// <summary>The result of a read of an eventual key.</summary>
/// <param name="Operation">Answered with <c>{"values":["a","b"],"overlaps":true}</c>.</param>
/// <param name="Values">The values, in any order.</param>
/// <param name="Overlaps">Its answer guarantees that it saw every write with the same guarantee.</param>
public sealed record CausalRead(Operation Operation, string[] Values, bool Overlaps)
{
    /// <summary>The level of a final read: after all faults are healed and all writes have ended, it reads all replicas.</summary>
    public const string FinalLevel = "all";

    public bool IsFinal => Operation.Invocation.Level == FinalLevel;

    /// <exception cref="HistoryFormatException">The answer is not the answer of a read of an eventual key.</exception>
    public static CausalRead Of(Operation operation)
    {
        using var answer = JsonText.ParseValue(operation.Completion!);
        return new CausalRead(
            operation, JsonText.Texts(operation.Completion!, JsonText.Member(operation.Completion!, answer.RootElement, "values")), JsonText.Flag(answer.RootElement, "overlaps"));
    }
}
