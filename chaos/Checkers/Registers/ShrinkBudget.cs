namespace KvRaft.Chaos.Checkers;

/// <summary>What the counter-examples of one history may cost together. The operations that are copied and compiled for each attempt count as steps too.</summary>
internal sealed class ShrinkBudget(LinearizabilityOptions options)
{
    /// <summary>
    /// An attempt costs about what its history did, or less. One that costs much more is not worth its wait: the operations it would leave out stay.
    /// </summary>
    private const long TimesTheWhole = 4;

    private const long AttemptStepsMin = 10_000;

    public long Spent { get; private set; }

    public bool IsSpent => Spent >= options.ShrinkStepsMax || options.IsShrinkingOver?.Invoke() == true;

    /// <summary>For the one search that finds the operation to show.</summary>
    public SearchBudget ForCulprit => new(AttemptStepsMin * 10, options.ConfigurationsMax, options.IsShrinkingOver);

    /// <param name="steps">What the violation took to find.</param>
    public SearchBudget ForAttempt(long steps) => new(
        Math.Min(options.ShrinkStepsMax - Spent, Math.Max(AttemptStepsMin, steps * TimesTheWhole)), options.ConfigurationsMax, options.IsShrinkingOver);

    public void Spend(long steps) => Spent += steps;
}
