using System.Net;
using System.Net.Sockets;
using KvRaft.Raft.Runs;
using KvRaft.Topology;

namespace KvRaft.Raft.Transport;

/// <summary>
/// Opens connections from this node to others: resolves the node's present address, connects, and exchanges headers.
/// Thread-safe. <see cref="Gate"/> is where tests cut links.
/// </summary>
internal sealed class NodeDialer(Handshake handshake, Guid clusterId, NodeId self, Func<NodeId, EndPoint?> resolve)
{
    /// <summary>The limit for connection and handshake, if the caller has more time: an address that accepts the connection and sends nothing must not block the caller.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public NodeId Self => self;

    /// <summary>Called before each connection and after each established one; null means every link is open.</summary>
    public ILinkGate? Gate { get; init; }

    /// <summary>The records of the other nodes' runs.</summary>
    public RunBook Runs { get; init; } = RunBook.InMemory();

    /// <summary>Another node refuses this one permanently: its data directory is an older copy, or was started twice. Must be quick.</summary>
    public event Action<NodeId, RunVerdict>? Refused;

    /// <exception cref="IOException">The node is unknown, unreachable or refused this node.</exception>
    public async ValueTask<Socket> ConnectAsync(NodeId to, ConnectionKind kind, string target, CancellationToken cancellationToken)
    {
        var address = resolve(to) ?? throw new IOException($"Node '{to}' has no address.");
        if (Gate is { } gate && !gate.IsOpen(self, to))
        {
            throw new IOException($"The link to node '{to}' is cut.");
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(address, limit.Token).ConfigureAwait(false);
            using var stream = new NetworkStream(socket, ownsSocket: false);
            await handshake.ConnectAsync(stream, new HandshakeHeader(kind, clusterId, self, to, target), limit.Token).ConfigureAwait(false);
            var run = await RunExchange.ConnectAsync(stream, Runs, to, limit.Token).ConfigureAwait(false);
            if (!Runs.TryHold(to, run, socket))
            {
                throw new IOException($"Node '{to}' at {address} was restarted during the connection.");
            }

            Gate?.Opened(self, to, socket);
            return socket;
        }
        catch (RunNotAcceptedException error)
        {
            socket.Dispose();
            if (error.OfThisNode is { } verdict && verdict is (RunVerdict.Superseded or RunVerdict.LogCutShort))
            {
                Refused?.Invoke(to, verdict);
            }

            throw;
        }
        catch (SocketException error)
        {
            socket.Dispose();
            throw new IOException($"Node '{to}' at {address} cannot be reached: {error.Message}", error);
        }
        catch (OperationCanceledException error) when (!cancellationToken.IsCancellationRequested)
        {
            socket.Dispose();
            throw new IOException($"Node '{to}' at {address} did not introduce itself within {Patience.TotalSeconds} s.", error);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}

/// <summary>The interface through which in-process tests cut links between nodes. Thread-safe.</summary>
internal interface ILinkGate
{
    bool IsOpen(NodeId from, NodeId to);

    /// <summary>A connection was established; to cut the link later, the test disposes the socket.</summary>
    void Opened(NodeId from, NodeId to, Socket socket);
}
