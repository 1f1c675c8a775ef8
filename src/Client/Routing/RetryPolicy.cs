namespace KvRaft.Client.Routing;

/// <summary>What has happened to one request so far.</summary>
/// <param name="Attempt">How many attempts have failed, from 1.</param>
/// <param name="PreviousDelay">The pause before the attempt that failed; zero before the first.</param>
/// <param name="Elapsed">Since the caller asked.</param>
/// <param name="Budget">What the caller gave for all of it.</param>
internal readonly record struct RetryInput(
    int Attempt, Failure Failure, TimeSpan PreviousDelay, TimeSpan Elapsed, TimeSpan Budget);

/// <param name="Delay">The pause before the next attempt.</param>
/// <param name="AvoidNode">Try another node than the one that failed.</param>
/// <param name="RefreshRoutes">What is known of the routes is doubtful.</param>
internal readonly record struct RetryDecision(bool Retry, TimeSpan Delay, bool AvoidNode, bool RefreshRoutes)
{
    public static readonly RetryDecision GiveUp;
}

/// <summary>
/// Whether, when and where to send a request again. A function of its arguments and of the chance it is given; every retry is
/// safe because writes carry their number, so the only questions are use and harm.
/// <para>
/// Pauses grow by decorrelated jitter (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015): the next is
/// drawn evenly between the least pause and three times the last one, up to a cap; callers that failed together come
/// back apart. A <see cref="RetryBudget"/> that is empty does not fail a request, since that would make its outcome unknown for
/// no reason; it makes it wait the longest pause.
/// </para>
/// <para>
/// What one node cannot do, another is asked next, even if nobody else should know better: a node that was cut off from the others goes on answering
/// that its shard has no leader, and would be believed for as long as the cut lasts. Only a node that has too much to do is asked again; work that is
/// sent round about is no less.
/// </para>
/// </summary>
internal static class RetryPolicy
{
    /// <summary>10 ms: about one fsync and round trip, the least time in which something may have changed.</summary>
    public static readonly TimeSpan DelayMin = TimeSpan.FromMilliseconds(10);

    /// <summary>250 ms: a quarter of an election, so that a request meets the new leader soon after it stands.</summary>
    public static readonly TimeSpan DelayMax = TimeSpan.FromMilliseconds(250);

    /// <summary>Redirects that are followed without a pause: one for a stale map, one for a leader that moved just then.</summary>
    public const int RedirectsAtOnce = 2;

    /// <summary>A node's own fault is likely to repeat: twice more, perhaps elsewhere, and no oftener.</summary>
    public const int FaultAttemptsMax = 3;

    public static RetryDecision Decide(in RetryInput input, bool budgetAllows, Random chance)
    {
        var failure = input.Failure;
        var left = input.Budget - input.Elapsed;
        if (failure.Kind == FailureKind.Permanent
            || left <= TimeSpan.Zero
            || (failure.Kind == FailureKind.Fault && input.Attempt >= FaultAttemptsMax))
        {
            return RetryDecision.GiveUp;
        }

        var delay = Delay(input, budgetAllows, chance);

        // After such a pause there is no time left to ask: better to tell the caller what is known now.
        if (delay >= left)
        {
            return RetryDecision.GiveUp;
        }

        return new RetryDecision(
            Retry: true,
            delay,
            AvoidNode: failure.Kind is FailureKind.Unavailable or FailureKind.ReplicaUnfit or FailureKind.Fault || failure.IsSilence,
            RefreshRoutes: failure.Kind == FailureKind.Redirect || failure.IsSilence);
    }

    private static TimeSpan Delay(in RetryInput input, bool budgetAllows, Random chance)
    {
        if (input.Failure.Kind == FailureKind.Redirect && input.Attempt <= RedirectsAtOnce)
        {
            return TimeSpan.Zero;
        }

        // A node that fell silent costs nothing to leave: its peers may know more.
        if (input.Failure is { IsSilence: true, Kind: FailureKind.Unavailable } && input.Attempt == 1 && budgetAllows)
        {
            return TimeSpan.Zero;
        }

        var upper = Math.Clamp(input.PreviousDelay.Ticks * 3, DelayMin.Ticks * 3, DelayMax.Ticks);
        var drawn = budgetAllows
            ? TimeSpan.FromTicks(DelayMin.Ticks + (long)(chance.NextDouble() * (upper - DelayMin.Ticks)))
            : DelayMax;
        if (input.Failure.RetryAfter <= drawn)
        {
            return drawn;
        }

        // The node's own wish is the least; up to a fifth more spreads those it told the same.
        return input.Failure.RetryAfter + (chance.NextDouble() * 0.2 * input.Failure.RetryAfter);
    }
}
