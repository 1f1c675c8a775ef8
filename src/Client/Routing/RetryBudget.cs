namespace KvRaft.Client.Routing;

/// <summary>
/// A token bucket shared by all requests of a client: a retry takes a token, a success returns a tenth of one. Usually the bucket is full and has no
/// effect. If most requests fail, it becomes empty, and retries slow down to <see cref="RetryPolicy.DelayMax"/> instead of multiplying the load (the
/// arithmetic is that of gRPC A6, "retry throttling"). Thread-safe.
/// </summary>
internal sealed class RetryBudget
{
    /// <summary>2048 tokens: when a leader fails, each call of two full pipes may be retried once without delay.</summary>
    public const int Capacity = 2048;

    private const int TenthsPerToken = 10;

    private int _tenths = Capacity * TenthsPerToken;

    /// <summary>The number of whole tokens.</summary>
    public int Tokens => Volatile.Read(ref _tenths) / TenthsPerToken;

    public bool TryTake()
    {
        var seen = Volatile.Read(ref _tenths);
        while (seen >= TenthsPerToken)
        {
            var before = Interlocked.CompareExchange(ref _tenths, seen - TenthsPerToken, seen);
            if (before == seen)
            {
                return true;
            }

            seen = before;
        }

        return false;
    }

    public void Succeeded()
    {
        // Usually the bucket is full: one read, no contended write.
        var seen = Volatile.Read(ref _tenths);
        while (seen < Capacity * TenthsPerToken)
        {
            var before = Interlocked.CompareExchange(ref _tenths, seen + 1, seen);
            if (before == seen)
            {
                return;
            }

            seen = before;
        }
    }
}
