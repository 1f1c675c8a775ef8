namespace KvRaft.Chaos.Checkers;

/// <summary>
/// A put or delete of an eventual key, and what its writer had read: the values it replaces. A value is replaced by exactly those writes, so neither
/// the store's contexts nor its clocks are needed to judge it.
/// </summary>
/// <param name="Operation">Invoked with <c>{"write":"v","saw":["a"]}</c>; a delete writes nothing.</param>
/// <param name="Value">Null: a delete.</param>
/// <param name="Saw">The values that stood when its writer read.</param>
/// <param name="Overlaps">It was acknowledged with the word that every read with a quorum meets it.</param>
/// <param name="MayStandTwice">
/// Its value may stand under two names, because it was sent again after a silence; whoever replaced one of them has not seen the other. Of a write whose fate
/// is unknown nobody can say.
/// </param>
internal sealed record CausalWrite(Operation Operation, string? Value, string[] Saw, bool Overlaps, bool MayStandTwice)
{
    /// <exception cref="HistoryFormatException">The operation is no write of an eventual key.</exception>
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

/// <summary>What a read of an eventual key saw.</summary>
/// <param name="Operation">Answered with <c>{"values":["a","b"],"overlaps":true}</c>.</param>
/// <param name="Values">As they stood, in no order.</param>
/// <param name="Overlaps">It met every write that says so of itself, or claims to.</param>
public sealed record CausalRead(Operation Operation, string[] Values, bool Overlaps)
{
    /// <summary>The level of a read, after everything healed and nobody writes, that hears all replicas.</summary>
    public const string FinalLevel = "all";

    public bool IsFinal => Operation.Invocation.Level == FinalLevel;

    /// <exception cref="HistoryFormatException">The answer is none of a read of an eventual key.</exception>
    public static CausalRead Of(Operation operation)
    {
        using var answer = JsonText.ParseValue(operation.Completion!);
        return new CausalRead(
            operation, JsonText.Texts(operation.Completion!, JsonText.Member(operation.Completion!, answer.RootElement, "values")), JsonText.Flag(answer.RootElement, "overlaps"));
    }
}
