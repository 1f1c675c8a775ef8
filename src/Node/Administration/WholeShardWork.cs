using KvRaft.Node.Requests;

namespace KvRaft.Node.Administration;

/// <summary>
/// Lets one call at a time read or write a whole shard: a digest, a flush and a checkpoint take seconds per gigabyte, for a request of a few bytes. Other calls wait for their turn, and
/// leave when their caller does; beyond <see cref="WaitingMax"/> they are refused. Thread-safe.
/// </summary>
internal sealed class WholeShardWork : IDisposable
{
    /// <summary>As many as a node usually has shards: tools ask for all of them at once.</summary>
    public const int WaitingMax = 256;

    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _turn = new(1);
    private int _calls;

    /// <summary>Calls that wait or have their turn.</summary>
    public int Calls => Volatile.Read(ref _calls);

    /// <param name="work">Runs on a thread of its own, so that reads of the engine leave the pool to other calls. It is not cancelled: a digest has no place to stop.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="FailureException">Too many calls wait.</exception>
    public async Task<T> RunAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _calls) > WaitingMax)
        {
            Interlocked.Decrement(ref _calls);
            throw new FailureException(Failure.Overloaded($"the queue of calls that read or write a whole shard ({WaitingMax})", RetryDelay));
        }

        try
        {
            await _turn.WaitAsync(cancellationToken);
            try
            {
                return await Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).Unwrap();
            }
            finally
            {
                _turn.Release();
            }
        }
        finally
        {
            Interlocked.Decrement(ref _calls);
        }
    }

    public void Dispose() => _turn.Dispose();
}
