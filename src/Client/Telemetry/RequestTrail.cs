using System.Globalization;
using KvRaft.Client.Failures;
using KvRaft.V1;

namespace KvRaft.Client.Telemetry;

/// <summary>
/// The history of one request: the results of its attempts and its possible outcomes. If one attempt may have been executed, the outcome is unknown,
/// whatever refusals later attempts received; only an answer makes it certain again.
/// </summary>
internal sealed class RequestTrail(string operation, bool isWrite, string keyspace)
{
    public int Attempts { get; private set; }

    public Failure? LastFailure { get; private set; }

    public string? LastEndpoint { get; private set; }

    public int? Shard { get; set; }

    public KvOutcome Outcome { get; private set; } = KvOutcome.NotApplied;

    /// <summary>Some attempt reached a node that answered, even if the answer was a refusal.</summary>
    public bool WasAnswered { get; private set; }

    public void AttemptAt(string endpoint)
    {
        Attempts++;
        LastEndpoint = endpoint;
    }

    public void Failed(Failure failure)
    {
        LastFailure = failure;
        WasAnswered |= !failure.IsSilence;
        if (isWrite && failure.Outcome == KvOutcome.Unknown)
        {
            Outcome = KvOutcome.Unknown;
        }

        // The node's information about the shard is newer than the cached map.
        Shard = failure.Hint?.Shard ?? Shard;
    }

    public KvException ToException(TimeSpan elapsed, KvRequestId? requestId)
    {
        var failure = LastFailure!;
        var attempts = Attempts == 1 ? "1 attempt" : string.Create(CultureInfo.InvariantCulture, $"{Attempts} attempts");
        var where = Shard is { } shard ? string.Create(CultureInfo.InvariantCulture, $", shard {shard}") : "";
        var fate = !isWrite ? "" : Outcome == KvOutcome.Unknown
            ? requestId is null ? " It may have been applied." : $" It may have been applied; request id {requestId}."
            : " It was not applied.";
        var message = string.Create(
            CultureInfo.InvariantCulture,
            $"{operation} in keyspace '{keyspace}' failed after {attempts} in {elapsed.TotalMilliseconds:F0} ms: {failure.Reason}: {failure.Message} (node {LastEndpoint}{where}).{fate}");
        return new KvException(message, failure.Cause)
        {
            Reason = failure.Reason,
            IsTransient = failure.Kind != FailureKind.Permanent,
            Outcome = Outcome,
            Endpoint = LastEndpoint,
            Shard = Shard,
            RequestId = isWrite ? requestId : null,
            Attempts = Attempts,
            NoNodeAnswered = !WasAnswered,
            Details = failure.Details,
        };
    }

    /// <summary>
    /// The shard has no record of the writer's session, or has discarded its numbers, and no attempt of this write was executed: the write may be
    /// sent again with a better proof. At most twice: with the index in the refusal, then in another session.
    /// </summary>
    public bool MayProveAgain =>
        isWrite && Outcome == KvOutcome.NotApplied && LastFailure?.Reason == ErrorReasons.RequestIdExpired && Proofs < 2;

    /// <summary>The number of repetitions for <see cref="MayProveAgain"/>.</summary>
    public int Proofs { get; set; }
}
