namespace KvRaft.Chaos.Checkers;

/// <summary>The result of the search for one key.</summary>
/// <param name="Judgement">Whether an order was found, none exists, or the budget is exhausted.</param>
/// <param name="Steps">Operations tried on configurations.</param>
/// <param name="Culprit">For a violation: the first operation whose completion has no explanation.</param>
/// <param name="StatesBefore">For a violation: the possible states of the key right before, for people.</param>
/// <param name="Reason">The reason why it is undecided.</param>
internal sealed record SearchResult(
    Judgement Judgement,
    long Steps,
    RegisterOperation? Culprit = null,
    IReadOnlyList<string>? StatesBefore = null,
    string? Reason = null);
