namespace KvRaft.Chaos.Checkers;

/// <summary>One violation, with the operations that prove it.</summary>
/// <param name="Anomaly">Its name: lower case with hyphens (<c>lost-write</c>), or the literature's (<c>G1c</c>).</param>
/// <param name="Message">One sentence for people.</param>
public sealed record Finding(string Anomaly, string Message)
{
    /// <summary>The key; <c>null</c> if the finding is not about a single key.</summary>
    public string? Key { get; init; }

    /// <summary>The operations that together are the counter-example, the culprit first.</summary>
    public IReadOnlyList<Operation> Operations { get; init; } = [];

    /// <summary>A drawing or a proof over several lines; <c>null</c> if the message is complete.</summary>
    public string? Explanation { get; init; }
}
