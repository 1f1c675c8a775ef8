using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using Grpc.Core;
using KvRaft.Node.Cluster;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Cluster;

/// <summary>A write for a node that is down was never sent, so it may be sent to another node: earlier it was reported as unknown.</summary>
public sealed class ConnectionFaultTests
{
    private static readonly NodeId Dead = new("n2");

    private static readonly KvRaft.Node.Security.NodeProof NoProof = new(KvRaft.Raft.Security.NodeAuthentication.None, Guid.Empty, new NodeId("n0"));

    [Fact]
    public async Task A_write_into_a_pipe_that_cannot_connect_was_not_executed()
    {
        using var bound = NobodyListens();
        await using var peer = new Peer(Dead, bound.LocalEndPoint!.ToString()!, NoProof);
        var answered = await peer.Pipe.CallAsync(new PipeCall { Put = Put() }, isWrite: true, CancellationToken.None);
        Assert.Equal(Execution.NotExecuted, answered.Failure!.Execution);
        Assert.True(RetryRule.MayRetry(answered.Failure, isWrite: true));
    }

    [Fact]
    public async Task A_unary_write_that_cannot_connect_was_not_executed()
    {
        using var bound = NobodyListens();
        await using var peer = new Peer(Dead, bound.LocalEndPoint!.ToString()!, NoProof);
        var deadline = Deadline.After(TimeSpan.FromMinutes(1), TimeProvider.System);
        var answered = await PeerCalls.CallAsync(
            options => peer.Kv.PutAsync(Put(), options), isWrite: true, deadline, TimeProvider.System, CancellationToken.None);
        Assert.Equal(Execution.NotExecuted, answered.Failure!.Execution);
        Assert.True(RetryRule.MayRetry(answered.Failure, isWrite: true));
    }

    [Fact]
    public async Task A_write_under_way_when_the_connection_breaks_may_have_been_executed()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        await using var peer = new Peer(Dead, listener.LocalEndpoint.ToString()!, NoProof);
        var calling = peer.Pipe.CallAsync(new PipeCall { Put = Put() }, isWrite: true, CancellationToken.None);
        using (var taken = await listener.AcceptTcpClientAsync())
        {
            // The first bytes of HTTP/2 and perhaps the write behind them.
            Assert.NotEqual(0, await taken.GetStream().ReadAsync(new byte[1]));
        }

        Assert.Equal(Execution.Unknown, (await calling).Failure!.Execution);
    }

    private static PutRequest Put() => new() { Key = ByteString.CopyFromUtf8("key"), Value = ByteString.CopyFromUtf8("value") };

    /// <summary>A port that is bound, so that no other process can have it, and that refuses connections.</summary>
    private static Socket NobodyListens()
    {
        var bound = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return bound;
    }
}
