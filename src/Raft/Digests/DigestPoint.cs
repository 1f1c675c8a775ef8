using KvRaft.Raft.Peers;
using KvRaft.Storage;

namespace KvRaft.Raft.Digests;

/// <summary>
/// The digest of one replica at an index that is agreed on before it is reached. The applier ends a batch there, the snapshot is taken between two applies, and the
/// digest is computed concurrently. One at a time; a later one replaces it. Thread-safe.
/// </summary>
internal sealed class DigestPoint(DigestPace pace) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _closing = new();
    private Pending? _pending;

    /// <summary>
    /// The last index that one batch may reach. Called by the applier.
    /// </summary>
    public long Limit(long from, long to)
    {
        lock (_lock)
        {
            return _pending is { IsTaken: false } pending && pending.Index >= from ? Math.Min(to, pending.Index) : to;
        }
    }

    /// <summary>Requests a digest at an index. False: the index is applied already.</summary>
    public bool TryWant(long index, long applied)
    {
        lock (_lock)
        {
            if (applied > index)
            {
                return false;
            }

            if (_pending?.Index != index)
            {
                _pending?.IsReplaced = true;
                _pending = new Pending(index);
            }

            return true;
        }
    }

    /// <summary>The machine is between two applies: takes the snapshot if this is the index.</summary>
    public void Reached(IReplicatedStateMachine machine)
    {
        Pending pending;
        lock (_lock)
        {
            if (_pending is not { IsTaken: false } wanted || wanted.Index != machine.Applied.Index)
            {
                return;
            }

            pending = wanted;
            pending.IsTaken = true;
        }

        pending.Computing = pace.RunAsync(machine.BeginDigest(), () => pending.IsReplaced, _closing.Token);
    }

    /// <summary>The digest at the last requested index; null while it is not computed.</summary>
    /// <exception cref="PeerRequestException">Another index is requested, or the digest could not be computed.</exception>
    public async ValueTask<ulong?> TryGetAsync(long index)
    {
        Task<ulong>? computing;
        lock (_lock)
        {
            computing = _pending is { } pending && pending.Index == index
                ? pending.Computing
                : throw new PeerRequestException($"no digest at index {index} was requested here");
        }

        if (computing is not { IsCompleted: true })
        {
            return null;
        }

        try
        {
            return await computing.ConfigureAwait(false);
        }
        catch (Exception error) when (error is OperationCanceledException or ObjectDisposedException or StorageException)
        {
            throw new PeerRequestException($"the digest at index {index} cannot be computed: {error.Message}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        Pending? pending;
        lock (_lock)
        {
            (pending, _pending) = (_pending, null);
        }

        await _closing.CancelAsync().ConfigureAwait(false);
        await ((Task?)pending?.Computing ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _closing.Dispose();
    }

    private sealed class Pending(long index)
    {
        /// <summary>Another index is requested: this digest is no longer needed.</summary>
        public volatile bool IsReplaced;

        public volatile Task<ulong>? Computing;

        public long Index { get; } = index;

        public bool IsTaken { get; set; }
    }
}
