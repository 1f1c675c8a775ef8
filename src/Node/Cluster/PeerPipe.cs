using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Cluster;

/// <summary>
/// Single-key operations to another node, all over one stream: what waits while a message is being written goes out together in
/// the next. The stream is opened at the first call and again after it broke; what was under way then is answered at once,
/// with certainty for what was never written and without it for the writes that were. Thread-safe.
/// </summary>
internal sealed class PeerPipe(Kv.KvClient client, NodeId node) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private PeerPipeSession? _session;
    private bool _disposed;

    /// <summary>Sends one operation and waits for its answer, or for the token.</summary>
    public async ValueTask<Answered<PipeAnswer>> CallAsync(PipeCall call, bool isWrite, CancellationToken cancellationToken)
    {
        var waiter = new PeerPipeWaiter(call, isWrite);
        if (!TrySend(waiter))
        {
            return Failure.Draining("the node stops");
        }

        using var registration = cancellationToken.UnsafeRegister(static state => ((PeerPipeWaiter)state!).GiveUp(), waiter);
        return await waiter.Answer;
    }

    private bool TrySend(PeerPipeWaiter waiter)
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return false;
            }

            if (_session is null || !_session.TrySend(waiter))
            {
                _session = new PeerPipeSession(client, node);
                return _session.TrySend(waiter);
            }

            return true;
        }
    }

    public async ValueTask DisposeAsync()
    {
        PeerPipeSession? last;
        lock (_lock)
        {
            _disposed = true;
            last = _session;
        }

        if (last is not null)
        {
            await last.DisposeAsync();
        }
    }
}
