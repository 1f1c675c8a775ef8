using System.Net;
using KvRaft.Raft.Log;
using KvRaft.Raft.Transport;
using KvRaft.Topology;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Raft.Tests.Transport;

public sealed class ListenerTests : IAsyncDisposable
{
    private static readonly NodeId Server = new("n2");
    private static readonly ReplicaKey Key = new(new GroupId(1), 2);

    private readonly Guid _cluster = Guid.NewGuid();
    private readonly NodeListener _listener;

    public ListenerTests()
    {
        _listener = new NodeListener(_cluster, Server, new IPEndPoint(IPAddress.Loopback, 0), (_, _) => Task.CompletedTask, NullLogger.Instance);
        _listener.Register(Key, ReplicaEndPoint.Create(Server, Key));
    }

    public ValueTask DisposeAsync() => _listener.DisposeAsync();

    [Fact]
    public async Task A_replica_that_lives_here_is_reached() =>
        (await Dialer(_cluster).ConnectAsync(Server, ConnectionKind.Raft, "kvraft://n2/g/1/r/2", CancellationToken.None)).Dispose();

    [Fact]
    public async Task A_node_of_another_cluster_is_refused() =>
        Assert.Equal(PrefaceAnswer.OtherCluster, await RefusalAsync(Dialer(Guid.NewGuid()), Server, "kvraft://n2/g/1/r/2"));

    [Fact]
    public async Task An_address_that_changed_hands_is_noticed() =>
        Assert.Equal(PrefaceAnswer.OtherNode, await RefusalAsync(Dialer(_cluster), new NodeId("n3"), "kvraft://n3/g/1/r/2"));

    [Fact]
    public async Task An_old_incarnation_is_nobody() =>
        Assert.Equal(PrefaceAnswer.UnknownReplica, await RefusalAsync(Dialer(_cluster), Server, "kvraft://n2/g/1/r/1"));

    [Fact]
    public async Task A_port_in_use_is_said_in_words()
    {
        var error = await Assert.ThrowsAsync<IOException>(async () =>
            await new NodeListener(_cluster, Server, _listener.LocalEndPoint, (_, _) => Task.CompletedTask, NullLogger.Instance).DisposeAsync());
        Assert.Contains(_listener.LocalEndPoint.ToString(), error.Message, StringComparison.Ordinal);
    }

    private static async Task<PrefaceAnswer> RefusalAsync(NodeDialer dialer, NodeId to, string target) =>
        (await Assert.ThrowsAsync<PrefaceRefusedException>(
            async () => await dialer.ConnectAsync(to, ConnectionKind.Raft, target, CancellationToken.None))).Answer;

    private NodeDialer Dialer(Guid cluster) => new(cluster, new NodeId("n1"), _ => _listener.LocalEndPoint);
}
