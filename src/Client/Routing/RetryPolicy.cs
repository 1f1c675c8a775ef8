using KvRaft.Client.Failures;

namespace KvRaft.Client.Routing;

/// <summary>The history of one request as the policy sees it.</summary>
/// <param name="Attempt">The number of failed attempts, from 1.</param>
/// <param name="Failure">The failure of the last attempt.</param>
/// <param name="PreviousDelay">The pause before the attempt that failed; zero before the first.</param>
/// <param name="Elapsed">The time since the start of the call.</param>
/// <param name="Budget">The timeout of the call.</param>
internal readonly record struct RetryInput(
    int Attempt, Failure Failure, TimeSpan PreviousDelay, TimeSpan Elapsed, TimeSpan Budget);

/// <param name="Retry">Send the request again.</param>
/// <param name="Delay">The pause before the next attempt.</param>
/// <param name="AvoidNode">Try another node than the one that failed.</param>
/// <param name="RefreshRoutes">The cached routes may be outdated.</param>
internal readonly record struct RetryDecision(bool Retry, TimeSpan Delay, bool AvoidNode, bool RefreshRoutes)
{
    public static readonly RetryDecision GiveUp;
}

/// <summary>
/// Decides whether, when and where a request is sent again. A function of its arguments and of the given random source. Every retry is safe, because
/// writes have a request id; the policy only has to avoid useless load.
/// <para>
/// Pauses grow with decorrelated jitter (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015): the next pause is uniformly
/// distributed between the minimum and three times the last one, up to a maximum, so callers that failed together do not retry together. An empty
/// <see cref="RetryBudget"/> does not fail a request, because that would make its outcome unknown without need; the request waits for the maximum
/// pause.
/// </para>
/// <para>
/// After a failure of one node the next attempt goes to another, even if that node is not expected to have better information: a node that is
/// partitioned from the others keeps answering that its shard has no leader, and a client that stayed with it would fail for the duration of the
/// partition. Only after an overload is the same node tried again, because the work is the same if another node forwards it.
/// </para>
/// </summary>
internal static class RetryPolicy
{
    /// <summary>10 ms: about one fsync and one round trip, the minimum time in which the state can change.</summary>
    public static readonly TimeSpan DelayMin = TimeSpan.FromMilliseconds(10);

    /// <summary>250 ms: a quarter of an election, so that a request reaches the new leader soon after the election.</summary>
    public static readonly TimeSpan DelayMax = TimeSpan.FromMilliseconds(250);

    /// <summary>The number of redirects that are followed without a pause: one for an outdated map, one for a leader that has just changed.</summary>
    public const int RedirectsAtOnce = 2;

    /// <summary>An internal fault of a node is likely to repeat: two more attempts, possibly on other nodes.</summary>
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

        // After this pause no time would be left for an attempt, so the call fails now with the known reason.
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

        // Leaving a silent node costs nothing, and its peers may have newer information.
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

        // The pause that the node requests is the minimum; up to a fifth more spreads the clients that received the same request.
        return input.Failure.RetryAfter + (chance.NextDouble() * 0.2 * input.Failure.RetryAfter);
    }
}
