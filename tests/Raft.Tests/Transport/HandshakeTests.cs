using System.Net;
using System.Net.Sockets;
using KvRaft.Raft.Log;
using KvRaft.Raft.Runs;
using KvRaft.Raft.Security;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Transport;

/// <summary>Which connections pass the handshake of the Raft port, over real sockets.</summary>
public sealed class HandshakeTests
{
    private const string Target = "kvraft://n2/g/1/r/2";

    private static readonly Guid Cluster = Guid.NewGuid();
    private static readonly NodeId Self = new("n1");
    private static readonly NodeId Other = new("n2");
    private static readonly ReplicaKey Key = new(new GroupId(1), 2);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private static readonly NodeAuthentication Required = Wires.Authentication();
    private static readonly NodeAuthentication Optional = Wires.Authentication(isRequired: false);

    [Fact]
    public async Task Two_nodes_with_the_secret_connect() => Assert.Null(await TryAsync(Required, Required));

    [Fact]
    public async Task A_node_without_the_secret_is_refused_where_it_is_required()
    {
        Assert.Equal(HandshakeAnswer.Unproven, await TryAsync(NodeAuthentication.None, Required));
        Assert.Equal(HandshakeAnswer.Unproven, await TryAsync(Required, NodeAuthentication.None));
    }

    [Fact]
    public async Task While_a_cluster_changes_over_nodes_without_the_secret_are_accepted_and_counted()
    {
        await using var listener = Listen(Optional, out var handshake);
        (await Dialer(NodeAuthentication.None, listener).ConnectAsync(Other, ConnectionKind.Raft, Target, CancellationToken.None)).Dispose();
        (await Dialer(Required, listener).ConnectAsync(Other, ConnectionKind.Raft, Target, CancellationToken.None)).Dispose();
        Assert.Equal(1, handshake.UnprovenCount);
        Assert.Null(await TryAsync(Optional, NodeAuthentication.None));
    }

    [Fact]
    public async Task Another_secret_is_refused_even_where_none_is_required()
    {
        var another = Wires.Authentication("another secret, also long enough to be one", isRequired: false);
        Assert.Equal(HandshakeAnswer.OtherSecret, await TryAsync(another, Optional));
        Assert.Equal(HandshakeAnswer.OtherSecret, await TryAsync(Optional, another));
    }

    [Fact]
    public async Task A_recorded_proof_is_refused_on_another_connection()
    {
        await using var listener = Listen(Required, out _);
        var proof = new HandshakeProof(Required.Secret!.DeriveKey(Cluster, HandshakeProof.Use));
        var header = new HandshakeHeader(ConnectionKind.Raft, Cluster, Self, Other, Target) { HasSecret = true, Nonce = HandshakeProof.DrawNonce() };

        async Task<HandshakeAnswer> PlayAsync(Func<byte[], byte[]> prove)
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(listener.LocalEndPoint);
            using var stream = new NetworkStream(socket, ownsSocket: false);
            await stream.WriteAsync(header.Encode());
            var challenge = await HandshakeChallenge.ReadAsync(stream, Other, CancellationToken.None);
            await stream.WriteAsync(prove(challenge.Nonce!));
            try
            {
                await HandshakeHeader.ReadAnswerAsync(stream, Other, CancellationToken.None);
                return HandshakeAnswer.Accepted;
            }
            catch (HandshakeRefusedException refused)
            {
                return refused.Answer;
            }
        }

        byte[] recorded = [];
        Assert.Equal(HandshakeAnswer.Accepted, await PlayAsync(nonce => recorded = proof.OfConnecting(header, nonce)).WaitAsync(Patience));
        Assert.Equal(HandshakeAnswer.OtherSecret, await PlayAsync(_ => recorded).WaitAsync(Patience));

        // The accepting side's own proof is not accepted either.
        Assert.Equal(HandshakeAnswer.OtherSecret, await PlayAsync(nonce => proof.OfAccepting(header, nonce)).WaitAsync(Patience));
    }

    [Fact]
    public async Task Silent_connections_are_closed_for_nodes()
    {
        // A quarter of these may be without an introduction.
        await using var listener = Wires.Listen(Cluster, Other, authentication: Required, connectionsMax: 32);
        await using var group = listener.Register(Key, ReplicaEndPoint.Create(Other, Key), Wires.Terms());
        var silent = new List<Socket>();
        try
        {
            for (var i = 0; i < 100; i++)
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(listener.LocalEndPoint);
                silent.Add(socket);
            }

            (await Dialer(Required, listener).ConnectAsync(Other, ConnectionKind.Raft, Target, CancellationToken.None).AsTask().WaitAsync(Patience)).Dispose();

            // The first of them was displaced: the test reads its end here.
            Assert.True(await IsEndedAsync(silent[0]));
        }
        finally
        {
            silent.ForEach(static socket => socket.Dispose());
        }
    }

    [Fact]
    public async Task One_node_may_not_use_up_all_connections_and_gets_its_place_back()
    {
        await using var listener = Wires.Listen(Cluster, Other, serve: static (_, stopping) => Task.Delay(Timeout.Infinite, stopping), authentication: Required, connectionsMax: 4);
        var dialer = Dialer(Required, listener);
        using var first = await dialer.ConnectAsync(Other, ConnectionKind.Peer, "", CancellationToken.None);
        using var second = await dialer.ConnectAsync(Other, ConnectionKind.Peer, "", CancellationToken.None);
        var refused = await Assert.ThrowsAsync<HandshakeRefusedException>(async () => await dialer.ConnectAsync(Other, ConnectionKind.Peer, "", CancellationToken.None));
        Assert.Equal(HandshakeAnswer.TooManyConnections, refused.Answer);
        Assert.Contains("limits.raftConnectionsMax", refused.Message, StringComparison.Ordinal);

        var third = Wires.Dial(Cluster, new NodeId("n3"), _ => listener.LocalEndPoint, Required);
        (await third.ConnectAsync(Other, ConnectionKind.Peer, "", CancellationToken.None)).Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_forged_run_of_a_party_without_the_secret_excludes_no_node(bool hasSecret)
    {
        // If the secret is optional, or there is none.
        var accepting = hasSecret ? Optional : NodeAuthentication.None;
        await using var listener = Wires.Listen(Cluster, Other, authentication: accepting);
        var forged = new RunBook(null, new NodeRun(long.MaxValue, Guid.NewGuid(), long.MaxValue), OsFileSystem.Instance, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        var forger = new NodeDialer(new Handshake(NodeAuthentication.None, Cluster), Cluster, Self, _ => listener.LocalEndPoint) { Runs = forged };
        (await forger.ConnectAsync(Other, ConnectionKind.Peer, "", CancellationToken.None)).Dispose();
        Assert.Null(listener.Runs.Of(Self));

        (await Dialer(accepting, listener).ConnectAsync(Other, ConnectionKind.Peer, "", CancellationToken.None)).Dispose();
        Assert.Equal(hasSecret, listener.Runs.Of(Self) is not null);
    }

    private static NodeListener Listen(NodeAuthentication authentication, out Handshake handshake)
    {
        handshake = new Handshake(authentication, Cluster);
        var listener = new NodeListener(
            Cluster, Other, new IPEndPoint(IPAddress.Loopback, 0), handshake, 100, static (_, _, _) => Task.CompletedTask, Wires.Background, TimeProvider.System,
            Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        listener.Register(Key, ReplicaEndPoint.Create(Other, Key), Wires.Terms());
        return listener;
    }

    private static NodeDialer Dialer(NodeAuthentication authentication, NodeListener listener) => Wires.Dial(Cluster, Self, _ => listener.LocalEndPoint, authentication);

    private static async Task<bool> IsEndedAsync(Socket socket)
    {
        try
        {
            return await socket.ReceiveAsync(new byte[1]).WaitAsync(Patience) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    /// <summary>Null: connected.</summary>
    private static async Task<HandshakeAnswer?> TryAsync(NodeAuthentication connecting, NodeAuthentication accepting)
    {
        await using var listener = Listen(accepting, out _);
        try
        {
            (await Dialer(connecting, listener).ConnectAsync(Other, ConnectionKind.Raft, Target, CancellationToken.None).AsTask().WaitAsync(Patience)).Dispose();
            return null;
        }
        catch (HandshakeRefusedException refused)
        {
            return refused.Answer;
        }
    }
}
