using Grpc.Core;
using KvRaft.V1;

namespace KvRaft.Client.Failures;

/// <summary>The kind of a failure by its reason, or by its status code if there is no reason. Pure.</summary>
internal static class FailureKinds
{
    public static FailureKind Of(StatusCode code, string? reason) => reason switch
    {
        ErrorReasons.NotLeader or ErrorReasons.WrongShard or ErrorReasons.StaleEpoch => FailureKind.Redirect,
        ErrorReasons.NoLeader or ErrorReasons.ElectionInProgress or ErrorReasons.QuorumLost or ErrorReasons.Deadline => FailureKind.Unavailable,
        ErrorReasons.Draining => FailureKind.ReplicaUnfit,
        ErrorReasons.Overloaded or ErrorReasons.WriteStall => FailureKind.Overloaded,
        ErrorReasons.StaleReplica or ErrorReasons.CorruptReplica or ErrorReasons.QuorumNotReached => FailureKind.ReplicaUnfit,
        ErrorReasons.Internal => FailureKind.Fault,
        null or "" => OfCode(code),
        _ when code == StatusCode.Unavailable => FailureKind.Unavailable,
        _ => FailureKind.Permanent,
    };

    // Codes without a reason come from the transport, or from a proxy between the client and the node.
    private static FailureKind OfCode(StatusCode code) => code switch
    {
        StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled or StatusCode.Aborted
            or StatusCode.Internal => FailureKind.Unavailable,
        StatusCode.ResourceExhausted => FailureKind.Overloaded,
        StatusCode.Unknown => FailureKind.Fault,
        _ => FailureKind.Permanent,
    };

    /// <summary>
    /// Whether a status code proves that the request had no effect. An explicit statement of the node has priority. RESOURCE_EXHAUSTED is no proof:
    /// gRPC also returns it for an answer that is too large to send or receive.
    /// </summary>
    public static KvOutcome OutcomeOf(StatusCode code) => code switch
    {
        StatusCode.InvalidArgument or StatusCode.NotFound or StatusCode.AlreadyExists or StatusCode.PermissionDenied
            or StatusCode.Unauthenticated or StatusCode.Unimplemented => KvOutcome.NotApplied,
        _ => KvOutcome.Unknown,
    };
}
