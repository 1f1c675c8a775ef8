using KvRaft.V1;

namespace KvRaft.Node.Requests;

/// <summary>Whether and when a failed request is repeated. Pure.</summary>
internal static class RetryRule
{
    private static readonly TimeSpan DelayFirst = TimeSpan.FromMilliseconds(10);

    /// <summary>A quarter of the shortest election: after that the information is out of date.</summary>
    private static readonly TimeSpan DelayMax = TimeSpan.FromMilliseconds(250);

    /// <summary>Whether a retry, perhaps on another node, is safe and may help.</summary>
    public static bool MayRetry(Failure failure, bool isWrite) =>
        (failure.IsNotExecuted || !isWrite)
        && failure.Reason is (ErrorReasons.NotLeader or ErrorReasons.WrongShard or ErrorReasons.NoLeader
            or ErrorReasons.ElectionInProgress or ErrorReasons.QuorumLost or ErrorReasons.Draining);

    /// <summary>How long to wait for news before the next attempt. The time doubles, so that a shard without a quorum costs little.</summary>
    public static TimeSpan Delay(int waits)
    {
        var delay = DelayFirst * Math.Pow(2, Math.Min(waits, 10));
        return delay < DelayMax ? delay : DelayMax;
    }
}
