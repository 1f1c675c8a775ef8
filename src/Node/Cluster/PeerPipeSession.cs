using System.Collections.Concurrent;
using System.Threading.Channels;
using Grpc.Core;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Cluster;

/// <summary>One stream of a <see cref="PeerPipe"/>, from its opening to its end. It ends once and is not used again.</summary>
internal sealed class PeerPipeSession : IAsyncDisposable
{
    /// <summary>Operations in one message; as many as a node accepts by default.</summary>
    private const int CallsPerMessageMax = 1024;

    /// <summary>Bytes of one message after which no further operation is added; the message limit is four times that.</summary>
    private const int MessageBytesEnough = 1024 * 1024;

    private readonly NodeId _node;
    private readonly CancellationTokenSource _ending = new();
    private readonly ConcurrentDictionary<long, PeerPipeWaiter> _pending = new();
    private readonly Channel<PeerPipeWaiter> _outgoing =
        Channel.CreateUnbounded<PeerPipeWaiter>(new UnboundedChannelOptions { SingleReader = true });

    private readonly Task _running;
    private long _lastId;

    public PeerPipeSession(Kv.KvClient client, NodeId node)
    {
        _node = node;
        _running = RunAsync(client);
    }

    /// <summary>False if the stream has ended.</summary>
    public bool TrySend(PeerPipeWaiter waiter) => _outgoing.Writer.TryWrite(waiter);

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _running;
    }

    private async Task RunAsync(Kv.KvClient client)
    {
        // The constructor's caller holds a lock.
        await Task.Yield();
        using var stream = client.Pipe(cancellationToken: _ending.Token);
        var reading = ReadAsync(stream.ResponseStream);
        var writing = WriteAsync(stream.RequestStream);
        await Task.WhenAny(reading, writing);

        // When either ends, the other has no further use; cancelling ends both.
        await _ending.CancelAsync();
        _outgoing.Writer.Complete();
        var (written, read) = (await EndOf(writing), await EndOf(reading));
        var why = read?.Status.Detail ?? written?.Status.Detail ?? "the stream was closed";
        var neverSent = (read ?? written) is { } fault && ConnectionFaults.NeverConnected(fault);
        while (_outgoing.Reader.TryRead(out var unsent))
        {
            unsent.Break(execution => Broken(execution, why));
        }

        foreach (var waiter in _pending.Values)
        {
            // Messages for a stream that had no connection yet were never sent.
            waiter.Break(execution => Broken(neverSent ? Execution.NotExecuted : execution, why));
        }
    }

    /// <summary>
    /// This side sees nothing else of the stream, so every failure is handled the same: a refused connection, a reset, a
    /// node that stops. Each operation is answered by whether it was written.
    /// </summary>
    private static async Task<RpcException?> EndOf(Task loop)
    {
        try
        {
            await loop;
            return null;
        }
        catch (RpcException error)
        {
            return error;
        }
        catch (Exception error) when (error is OperationCanceledException or IOException or InvalidOperationException)
        {
            return null;
        }
    }

    private Failure Broken(Execution execution, string why) => execution == Execution.NotExecuted
        ? new Failure(ErrorReasons.NoLeader, execution, $"node {_node} does not answer: {why}") { RetryAfter = RetryRule.Delay(3) }
        : new Failure(ErrorReasons.QuorumLost, execution, $"the connection to node {_node} failed while the write was in progress: {why}");

    private async Task WriteAsync(IClientStreamWriter<PipeRequest> stream)
    {
        var reader = _outgoing.Reader;
        while (await reader.WaitToReadAsync(_ending.Token))
        {
            var message = new PipeRequest();
            var bytes = 0;
            while (message.Calls.Count < CallsPerMessageMax && bytes < MessageBytesEnough && reader.TryRead(out var waiter))
            {
                var call = waiter.Call;
                call.CorrelationId = ++_lastId;
                _pending[_lastId] = waiter;
                if (!waiter.TryTake())
                {
                    _pending.TryRemove(_lastId, out _);
                    continue;
                }

                message.Calls.Add(call);
                bytes += call.CalculateSize();
            }

            if (message.Calls.Count > 0)
            {
                await stream.WriteAsync(message, _ending.Token);
            }
        }
    }

    private async Task ReadAsync(IAsyncStreamReader<PipeResponse> stream)
    {
        while (await stream.MoveNext(_ending.Token))
        {
            foreach (var answer in stream.Current.Answers)
            {
                if (_pending.TryRemove(answer.CorrelationId, out var waiter))
                {
                    waiter.Complete(answer);
                }
            }
        }
    }
}
