namespace KvRaft.Client.Routing;

/// <summary>
/// A token bucket shared by all requests of a client: a retry takes a token, a success gives a tenth of one back. In calm times
/// it is full and nobody notices; when most requests fail it empties, and retries slow down to
/// <see cref="RetryPolicy.DelayMax"/> instead of multiplying the load (gRPC A6, "retry throttling", has the same arithmetic).
/// Safe for many threads.
/// </summary>
internal sealed class RetryBudget
{
    /// <summary>2048 tokens: each call of two full pipes may be retried once at full speed when a leader falls.</summary>
    public const int Capacity = 2048;

    private const int TenthsPerToken = 10;

    private int _tenths = Capacity * TenthsPerToken;

    /// <summary>Whole tokens left.</summary>
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
        // The common case is a full bucket: one read, no contended write.
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
