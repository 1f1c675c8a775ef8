using Grpc.Core;
using KvRaft.Node.Requests;
using KvRaft.Node.Security;
using KvRaft.V1;

namespace KvRaft.Node.Cluster;

/// <summary>Unary calls to another node, for requests that no pipe carries.</summary>
internal static class PeerCalls
{
    private static readonly Metadata Forwarded = new() { { CallerRules.ForwardedKey, "1" } };

    public static bool WasForwarded(ServerCallContext context) => context.RequestHeaders.Get(CallerRules.ForwardedKey) is not null;

    /// <summary>
    /// Calls another node and translates the failure. Without an answer from the other node a write may have been executed: a broken
    /// connection does not show when it broke. A call that was never sent executed nothing.
    /// </summary>
    public static async Task<Answered<T>> CallAsync<T>(
        Func<CallOptions, AsyncUnaryCall<T>> call, bool isWrite, Deadline deadline, TimeProvider time, CancellationToken cancellationToken)
        where T : class
    {
        var left = deadline.MillisecondsToForward(time);
        if (left <= 0)
        {
            return Failure.Deadline(Execution.NotExecuted);
        }

        try
        {
            using var running = call(new CallOptions(
                Forwarded, time.GetUtcNow().UtcDateTime.AddMilliseconds(left), cancellationToken));
            return await running.ResponseAsync;
        }
        catch (RpcException error)
        {
            return ToFailure(error, isWrite);
        }
    }

    public static Failure ToFailure(RpcException error, bool isWrite)
    {
        var isUnknown = isWrite && !ConnectionFaults.NeverConnected(error);
        var execution = isUnknown ? Execution.Unknown : Execution.NotExecuted;
        return RpcStatus.ToFailure(error) ?? (error.StatusCode is StatusCode.DeadlineExceeded or StatusCode.Cancelled
            ? Failure.Deadline(execution)
            : new Failure(
                isUnknown ? ErrorReasons.QuorumLost : ErrorReasons.NoLeader, execution, $"another node does not answer: {error.Status.Detail}"));
    }
}
