namespace KvRaft.Chaos.Checkers;

/// <summary>What the search for one key came to.</summary>
/// <param name="Judgement">Whether an order was found, none exists, or the budget ran out.</param>
/// <param name="Steps">Operations tried on configurations.</param>
/// <param name="Culprit">On a violation: the first operation whose completion nothing explains.</param>
/// <param name="StatesBefore">On a violation: the states the key may have been in right before, for people.</param>
/// <param name="Reason">Why it is undecided.</param>
internal sealed record SearchResult(
    Judgement Judgement,
    long Steps,
    RegisterOperation? Culprit = null,
    IReadOnlyList<string>? StatesBefore = null,
    string? Reason = null);
