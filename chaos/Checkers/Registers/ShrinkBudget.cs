namespace KvRaft.Chaos.Checkers;

/// <summary>
/// The shared budget of the counter-examples of one history. The operations that are copied and compiled for each attempt count as steps too.
/// </summary>
internal sealed class ShrinkBudget(LinearizabilityOptions options)
{
    /// <summary>
    /// An attempt takes about as many steps as its history, or fewer. If it takes many more, it is ended, and the operations that it would remove
    /// stay.
    /// </summary>
    private const long TimesTheWhole = 4;

    private const long AttemptStepsMin = 10_000;

    public long Spent { get; private set; }

    public bool IsSpent => Spent >= options.ShrinkStepsMax || options.IsShrinkingOver?.Invoke() == true;

    /// <summary>For the search that determines the displayed operation.</summary>
    public SearchBudget ForCulprit => new(AttemptStepsMin * 10, options.ConfigurationsMax, options.IsShrinkingOver);

    /// <param name="steps">The steps that found the violation.</param>
    public SearchBudget ForAttempt(long steps) => new(
        Math.Min(options.ShrinkStepsMax - Spent, Math.Max(AttemptStepsMin, steps * TimesTheWhole)), options.ConfigurationsMax, options.IsShrinkingOver);

    public void Spend(long steps) => Spent += steps;
}
