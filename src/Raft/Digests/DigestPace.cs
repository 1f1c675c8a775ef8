using KvRaft.Storage;

namespace KvRaft.Raft.Digests;

/// <summary>
/// The limits of comparisons on this node: one digest at a time, on a thread of its own, at a number of bytes per second. Thread-safe.
/// </summary>
internal sealed class DigestPace(TimeProvider time) : IDisposable
{
    /// <summary>A tenth of an ordinary disk's read rate: 10 GiB take eleven minutes, in which the engine keeps overwritten data.</summary>
    public const long BytesPerSecond = 16L << 20;

    /// <summary>Rows are read ahead of the rate by at most this time.</summary>
    private const long Slice = 1L << 20;

    private readonly SemaphoreSlim _turn = new(1);

    /// <exception cref="OperationCanceledException">The computation is stopped, or the token was cancelled.</exception>
    public async Task<ulong> RunAsync(DigestSource source, Func<bool> isStopped, CancellationToken cancellationToken)
    {
        using (source)
        {
            await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                return await Task.Factory.StartNew(
                    () => Compute(source, isStopped, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
            }
            finally
            {
                _turn.Release();
            }
        }
    }

    public void Dispose() => _turn.Dispose();

    private ulong Compute(DigestSource source, Func<bool> isStopped, CancellationToken cancellationToken)
    {
        var (begun, read, next) = (time.GetTimestamp(), 0L, Slice);
        return source.Compute(bytes =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (isStopped())
            {
                throw new OperationCanceledException("Another digest was requested.");
            }

            read += bytes;
            if (read < next)
            {
                return;
            }

            next = read + Slice;
            var ahead = TimeSpan.FromSeconds((double)read / BytesPerSecond) - time.GetElapsedTime(begun);
            if (ahead > TimeSpan.Zero)
            {
                cancellationToken.WaitHandle.WaitOne(ahead);
            }
        });
    }
}
