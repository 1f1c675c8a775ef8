namespace KvRaft.Node.Options;

/// <summary>One mistake in the configuration: the field, its value, and the values that are allowed.</summary>
internal sealed record OptionMistake(string Field, string? Value, string Allowed)
{
    public override string ToString() =>
        Value is null ? $"{Field}: missing; {Allowed}" : $"{Field}: '{Value}' is not allowed; {Allowed}";
}

/// <summary>The configuration cannot be used. Carries every mistake, not only the first.</summary>
internal sealed class InvalidOptionsException(IReadOnlyList<OptionMistake> mistakes)
    : Exception(string.Join(Environment.NewLine, mistakes))
{
    public IReadOnlyList<OptionMistake> Mistakes { get; } = mistakes;
}
