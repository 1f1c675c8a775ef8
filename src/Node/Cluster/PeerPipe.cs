using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Cluster;

/// <summary>
/// Single-key operations to another node, all over one stream: operations that wait while a message is written leave together in
/// the next one. The stream is opened at the first call and again after a failure. Operations in progress at the failure are answered at once:
/// as not executed if they were never written, and as unknown for the writes that were. Thread-safe.
/// </summary>
internal sealed class PeerPipe(Kv.KvClient client, NodeId node) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private PeerPipeSession? _session;
    private bool _disposed;

    /// <summary>Sends one operation and waits for its answer, or for the token.</summary>
    /// <param name="call">The pipe's from now on: it sets the correlation id, which the answer repeats.</param>
    /// <param name="isWrite">A write that was sent and not answered may have been executed.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
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
