using KvRaft.Raft.Log;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Transport;

public sealed class ListenerTests : IAsyncDisposable
{
    private static readonly NodeId Server = new("n2");
    private static readonly ReplicaKey Key = new(new GroupId(1), 2);

    private readonly Guid _cluster = Guid.NewGuid();
    private readonly NodeListener _listener;

    public ListenerTests()
    {
        _listener = Wires.Listen(_cluster, Server);
        _listener.Register(Key, ReplicaEndPoint.Create(Server, Key), Wires.Terms());
    }

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    [Fact]
    public async Task A_replica_on_this_node_is_reached() =>
        (await Dialer(_cluster).ConnectAsync(Server, ConnectionKind.Raft, "kvraft://n2/g/1/r/2", CancellationToken.None)).Dispose();

    [Fact]
    public async Task A_node_of_another_cluster_is_refused() =>
        Assert.Equal(HandshakeAnswer.OtherCluster, await RefusalAsync(Dialer(Guid.NewGuid()), Server, "kvraft://n2/g/1/r/2"));

    [Fact]
    public async Task An_address_of_another_node_is_detected() =>
        Assert.Equal(HandshakeAnswer.OtherNode, await RefusalAsync(Dialer(_cluster), new NodeId("n3"), "kvraft://n3/g/1/r/2"));

    [Fact]
    public async Task An_old_incarnation_is_refused() =>
        Assert.Equal(HandshakeAnswer.UnknownReplica, await RefusalAsync(Dialer(_cluster), Server, "kvraft://n2/g/1/r/1"));

    [Fact]
    public async Task A_port_in_use_has_its_own_message()
    {
        var error = await Assert.ThrowsAsync<IOException>(async () =>
            await Wires.Listen(_cluster, Server, _listener.LocalEndPoint).DisposeAsync());
        Assert.Contains(_listener.LocalEndPoint.ToString(), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_connection_that_cannot_be_handed_to_its_replica_gives_its_place_back()
    {
        // The peer may have disconnected by then, and making a connection of its socket fails: one slot was lost each time, up to the limit.
        var key = new ReplicaKey(new GroupId(2), 1);
        await using var group = _listener.Register(
            key, ReplicaEndPoint.Create(Server, key), Wires.Terms(), static _ => throw new System.Net.Sockets.SocketException((int)System.Net.Sockets.SocketError.NotConnected));
        using var socket = await Dialer(_cluster).ConnectAsync(Server, ConnectionKind.Raft, "kvraft://n2/g/2/r/1", CancellationToken.None);
        Assert.Equal(0, await socket.ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromSeconds(30)));
        Assert.Equal(0, _listener.ConnectionCount);
    }

    private static async Task<HandshakeAnswer> RefusalAsync(NodeDialer dialer, NodeId to, string target) =>
        (await Assert.ThrowsAsync<HandshakeRefusedException>(
            async () => await dialer.ConnectAsync(to, ConnectionKind.Raft, target, CancellationToken.None))).Answer;

    private NodeDialer Dialer(Guid cluster) => Wires.Dial(cluster, new NodeId("n1"), _ => _listener.LocalEndPoint);
}
