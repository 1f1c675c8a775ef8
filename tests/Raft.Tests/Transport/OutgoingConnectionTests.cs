using System.IO.Pipelines;
using System.Net;
using KvRaft.Raft.Log;
using KvRaft.Raft.Transport;
using KvRaft.Topology;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Raft.Tests.Transport;

/// <summary>
/// DotNext waits on a pool thread for the disposal of a broken connection. With 64 groups on two cores the death of one node left the
/// others without a free thread for up to 12 s, and therefore without leaders.
/// </summary>
public sealed class OutgoingConnectionTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public void Is_released_without_waiting_for_its_end()
    {
        var never = new NeverEnding();

        // DotNext's call for a connection that can be disposed synchronously. It would not return if this waited.
        ((IDisposable)new OutgoingConnection(never)).Dispose();
        Assert.True(never.IsAborted);
        Assert.True(never.IsDisposed);
    }

    [Fact]
    public async Task Is_returned_to_a_replica_that_connects()
    {
        var clusterId = Guid.NewGuid();
        var key = new ReplicaKey(new GroupId(1), 1);
        var target = ReplicaEndPoint.Create(new NodeId("n2"), key);
        await using var listener = Wires.Listen(clusterId, new NodeId("n2"));
        await using var group = listener.Register(key, target, Wires.Terms());
        var connector = new GroupConnector(Wires.Dial(clusterId, new NodeId("n1"), _ => listener.LocalEndPoint), Wires.Terms());
        var connection = await connector.ConnectAsync(target, CancellationToken.None).AsTask().WaitAsync(Patience);
        await using var accepted = await group.AcceptAsync().AsTask().WaitAsync(Patience);
        Assert.IsAssignableFrom<IDisposable>(connection).Dispose();

        // The other side sees the end: the socket is really closed.
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var registration = accepted!.ConnectionClosed.Register(closed.SetResult);
        await closed.Task.WaitAsync(Patience);
    }

    private sealed class NeverEnding : DefaultConnectionContext
    {
        private readonly Pipe _pipe = new();

        public bool IsAborted { get; private set; }

        public bool IsDisposed { get; private set; }

        public override IDuplexPipe Transport { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override void Abort(ConnectionAbortedException abortReason) => IsAborted = true;

        public override async ValueTask DisposeAsync()
        {
            IsDisposed = true;
            await _pipe.Reader.ReadAsync();
            await base.DisposeAsync();
        }
    }
}
