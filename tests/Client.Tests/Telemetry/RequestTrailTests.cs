using Grpc.Core;
using KvRaft.Client.Failures;
using KvRaft.Client.Telemetry;

namespace KvRaft.Client.Tests.Telemetry;

public sealed class RequestTrailTests
{
    /// <summary>
    /// A process that was paused during the request for a move received DEADLINE_EXCEEDED and reported that the move had failed; it had been made.
    /// </summary>
    [Fact]
    public void A_change_without_an_answer_may_have_been_applied_for_any_refusal_of_a_later_attempt()
    {
        var trail = new RequestTrail("MOVE_SHARD", isWrite: true, "-");
        trail.AttemptAt("n1:1");
        trail.Failed(new Failure(StatusCode.DeadlineExceeded, "DEADLINE_EXCEEDED", "", KvOutcome.Unknown) { Kind = FailureKind.Unavailable });
        trail.AttemptAt("n2:1");
        trail.Failed(new Failure(StatusCode.InvalidArgument, "INVALID_REQUEST", "shard 0 has no replica on 'n1'", KvOutcome.NotApplied) { Kind = FailureKind.Permanent });
        var error = trail.ToException(TimeSpan.FromSeconds(12), requestId: null);
        Assert.Equal(KvOutcome.Unknown, error.Outcome);
        Assert.EndsWith("It may have been applied.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failed_read_was_not_applied()
    {
        var trail = new RequestTrail("LIST_NODES", isWrite: false, "-");
        trail.AttemptAt("n1:1");
        trail.Failed(new Failure(StatusCode.DeadlineExceeded, "DEADLINE_EXCEEDED", "", KvOutcome.Unknown) { Kind = FailureKind.Unavailable });
        Assert.Equal(KvOutcome.NotApplied, trail.ToException(TimeSpan.FromSeconds(1), requestId: null).Outcome);
    }
}
