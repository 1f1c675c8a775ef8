using KvRaft.V1;

namespace KvRaft.Node.Requests;

/// <summary>Whether and when a request that failed is tried again. Pure.</summary>
internal static class RetryRule
{
    private static readonly TimeSpan DelayFirst = TimeSpan.FromMilliseconds(10);

    /// <summary>A quarter of the shortest election: later than that the news is old.</summary>
    private static readonly TimeSpan DelayMax = TimeSpan.FromMilliseconds(250);

    /// <summary>Whether trying again, perhaps elsewhere, is safe and may help.</summary>
    public static bool MayRetry(Failure failure, bool isWrite) =>
        (failure.IsNotExecuted || !isWrite)
        && failure.Reason is (ErrorReasons.NotLeader or ErrorReasons.WrongShard or ErrorReasons.NoLeader
            or ErrorReasons.ElectionInProgress or ErrorReasons.QuorumLost or ErrorReasons.Draining);

    /// <summary>How long to wait for news before looking again: doubling, so that a shard without a quorum costs little.</summary>
    public static TimeSpan Delay(int waits)
    {
        var delay = DelayFirst * Math.Pow(2, Math.Min(waits, 10));
        return delay < DelayMax ? delay : DelayMax;
    }
}
