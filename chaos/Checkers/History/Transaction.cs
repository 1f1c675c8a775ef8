namespace KvRaft.Chaos.Checkers;

/// <summary>One step of a transaction: an append of an element, or a read of a whole list.</summary>
internal abstract record TransactionStep(string Key);

internal sealed record AppendStep(string Key, string Element) : TransactionStep(Key)
{
    public override string ToString() => $"append {Key} {Element}";
}

/// <param name="Key">The list.</param>
/// <param name="Elements">The result; <c>null</c> without an answer.</param>
internal sealed record ReadStep(string Key, IReadOnlyList<string>? Elements) : TransactionStep(Key)
{
    public override string ToString() => $"read {Key} -> {(Elements is null ? "?" : $"[{string.Join(' ', Elements)}]")}";
}

internal sealed class Transaction(int id, Operation source, IReadOnlyList<TransactionStep> steps)
{
    /// <summary>Its position among the transactions of the history, by invocation.</summary>
    public int Id { get; } = id;

    public Operation Source { get; } = source;

    public IReadOnlyList<TransactionStep> Steps { get; } = steps;

    public bool Committed => Source.IsOk;

    /// <summary>Committed, or open but seen: a read of one of its appends proves all of them, or the store was not atomic.</summary>
    public bool TookEffect { get; set; } = source.IsOk;

    public bool Aborted => Source.Outcome == OperationOutcome.Failed;

    public IEnumerable<AppendStep> Appends => Steps.OfType<AppendStep>();

    public string Name => $"T{Id}";

    public override string ToString() => $"{Name} (p{Source.Process}): {string.Join(", ", Steps)}";
}
