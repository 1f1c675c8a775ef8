using System.Net.Sockets;
using System.Reflection;
using System.Text;
using KvRaft.Raft.Log;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Security;
using KvRaft.Raft.Tests.Transport;
using KvRaft.Raft.Transport;
using KvRaft.Topology;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>
/// One forged packet used to leave a group without a leader permanently: its term, 2^63 - 1, was accepted, was on disk before the answer,
/// and no election is possible above it.
/// </summary>
public sealed class ForgedMessageTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData("append entries")]
    [InlineData("vote")]
    [InlineData("pre-vote")]
    public async Task A_forged_term_deposes_no_leader_even_after_restarts(string what)
    {
        await using var cluster = await RaftTestCluster.StartAsync(configure: static options => options with { Authentication = NodeAuthentication.None });
        await cluster.AppendAsync("before");
        var leader = await cluster.LeaderAsync();
        var term = cluster.Group(leader).Term;
        foreach (var node in cluster.Nodes)
        {
            var bytes = what switch
            {
                "append entries" => ForgedMessages.AppendEntries(long.MaxValue),
                "vote" => ForgedMessages.Vote(long.MaxValue, long.MaxValue, long.MaxValue),
                _ => ForgedMessages.Vote(long.MaxValue, long.MaxValue, long.MaxValue, isPreVote: true),
            };
            Assert.True(await IsHungUpAsync(cluster, node, bytes));
        }

        Assert.All(cluster.Nodes, node => Assert.Equal(1, cluster.Group(node).Terms.RefusedCount));
        Assert.Equal((leader, term), (await cluster.LeaderAsync(), cluster.Group(leader).Term));
        await cluster.AppendAsync("after");
        foreach (var node in cluster.Nodes)
        {
            await cluster.StopNodeAsync(node);
        }

        foreach (var node in cluster.Nodes)
        {
            await cluster.StartNodeAsync(node);
        }

        await cluster.AppendAsync("after the restart");
        Assert.Equal(["before", "after", "after the restart"], await cluster.ConvergedAsync());
        Assert.All(cluster.Nodes, node => Assert.InRange(cluster.Group(node).Term, term, term + 100));
    }

    [Theory]
    [InlineData(new byte[] { 2 })]
    [InlineData(new byte[] { 5 })]
    [InlineData(new byte[] { 6 })]
    [InlineData(new byte[] { 9 })]
    public async Task An_unknown_request_closes_the_connection(byte[] message)
    {
        await using var cluster = await RaftTestCluster.StartAsync(configure: static options => options with { Authentication = NodeAuthentication.None });
        await cluster.AppendAsync("before");
        var leader = await cluster.LeaderAsync();
        Assert.True(await IsHungUpAsync(cluster, leader, message));
        Assert.Equal(leader, await cluster.LeaderAsync());
    }

    [Fact]
    public async Task An_entry_with_a_forged_length_or_a_later_term_is_refused()
    {
        await using var cluster = await RaftTestCluster.StartAsync(configure: static options => options with { Authentication = NodeAuthentication.None });
        await cluster.AppendAsync("before");
        var leader = await cluster.LeaderAsync();
        var follower = cluster.Nodes.First(node => node != leader);
        await cluster.ConvergedAsync();
        var group = cluster.Group(follower);
        var last = group.Log.Last;
        var head = ForgedMessages.AppendEntries(group.Term, last.Index, last.Term, entries: 1);
        var allocated = GC.GetTotalAllocatedBytes();
        Assert.True(await IsHungUpAsync(cluster, follower, [.. head, .. ForgedMessages.Entry(group.Term, int.MaxValue)]));
        Assert.InRange(GC.GetTotalAllocatedBytes() - allocated, 0, 64 << 20);

        // A complete entry, empty, of a term that its leader has not reached yet.
        Assert.True(await IsHungUpAsync(cluster, follower, [.. head, .. ForgedMessages.Entry(group.Term + 1000, 0), 0, 0, 0, 0x80]));
        Assert.Equal(last.Term, group.Log.Last.Term);
        await cluster.AppendAsync("after");
        await cluster.ConvergedAsync();
    }

    [Fact]
    public async Task If_the_secret_is_required_no_message_without_it_reaches_a_replica()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("before");
        var leader = await cluster.LeaderAsync();
        var term = cluster.Group(leader).Term;

        // A term that would be accepted.
        var refused = await Assert.ThrowsAsync<HandshakeRefusedException>(async () =>
            await SendAsync(cluster, leader, ForgedMessages.AppendEntries(term + 1), NodeAuthentication.None));
        Assert.Equal(HandshakeAnswer.Unproven, refused.Answer);
        refused = await Assert.ThrowsAsync<HandshakeRefusedException>(async () =>
            await SendAsync(cluster, leader, ForgedMessages.AppendEntries(term + 1), Wires.Authentication("a guessed secret that is long enough and wrong")));
        Assert.Equal(HandshakeAnswer.OtherSecret, refused.Answer);
        Assert.Equal((leader, term), (await cluster.LeaderAsync(), cluster.Group(leader).Term));
    }

    [Fact]
    public async Task A_report_about_a_future_term_or_another_node_deposes_no_leader()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("before");
        var leader = await cluster.LeaderAsync();
        var follower = cluster.Nodes.First(node => node != leader);
        var third = cluster.Nodes.Single(node => node != leader && node != follower);
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(follower).Leader == leader, "the follower to know its leader");
        var term = cluster.Group(follower).Term;

        async Task<NudgeAnswer> VacateAsync(NodeId from, NodeId named, long inTerm)
        {
            using var peer = await PeerClient.ConnectAsync(cluster.Host(from).Dialer, follower, CancellationToken.None);
            return await peer.AskAsync(
                PeerRequestKind.Vacated, new VacatedRequest(1, named.Value, inTerm, IsGone: true), PeerJson.Default.VacatedRequest, PeerJson.Default.NudgeAnswer, CancellationToken.None);
        }

        await VacateAsync(leader, leader, term + 1);
        await VacateAsync(leader, leader, long.MaxValue);
        await VacateAsync(leader, leader, term - 1);
        await Assert.ThrowsAsync<PeerRefusedException>(() => VacateAsync(third, leader, term));
        Assert.Equal(leader, cluster.Group(follower).Leader);
        Assert.Equal((leader, term), (await cluster.LeaderAsync(), cluster.Group(leader).Term));
    }

    [Fact]
    public async Task No_peer_request_ends_anything()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("before");
        var leader = await cluster.LeaderAsync();
        var term = cluster.Group(leader).Term;
        string[] bodies =
        [
            "", "null", "[]", "{}", "{\"Group\":-1}", "{\"Group\":2147483647}", "{\"Group\":1}", "{\"Group\":1,\"Node\":null,\"Term\":9223372036854775807}",
            "{\"Group\":1,\"Node\":\"NOT A NODE\",\"Incarnation\":-5,\"CommitIndex\":-9223372036854775808}", "{\"Group\":1,\"Node\":\"n1\",\"Incarnation\":1,\"CommitIndex\":9223372036854775807}",
            "{\"Group\":1,\"Id\":null,\"File\":null,\"Offset\":9223372036854775807,\"Length\":2147483647}", "{\"Group\":1,\"Id\":\"../../x\",\"File\":\"../y\",\"Offset\":-1,\"Length\":-1}",
            "{\"Group\":1,\"From\":-9223372036854775808,\"UpTo\":9223372036854775807}", "{\"Group\":1,\"From\":9223372036854775807,\"UpTo\":9223372036854775807}",
        ];
        var target = cluster.Nodes.First(node => node != leader);
        var asking = cluster.Nodes.Last(node => node != target);
        foreach (var kind in Enumerable.Range(0, 256).Select(static kind => (byte)kind).Where(static kind => (PeerRequestKind)kind is not (
            PeerRequestKind.StandAside or PeerRequestKind.StandForElection)))
        {
            foreach (var body in bodies)
            {
                using var socket = await cluster.Host(asking).Dialer.ConnectAsync(target, ConnectionKind.Peer, "", CancellationToken.None);
                using var stream = new NetworkStream(socket, ownsSocket: false);
                await PeerFrame.WriteAsync(stream, kind, Encoding.UTF8.GetBytes(body), CancellationToken.None);

                // Any answer proves that the connection still works.
                await PeerFrame.ReadAsync(stream, CancellationToken.None).AsTask().WaitAsync(Patience);
            }
        }

        Assert.Equal((leader, term), (await cluster.LeaderAsync(), cluster.Group(leader).Term));
        await cluster.AppendAsync("after");
        Assert.Equal(["before", "after"], await cluster.ConvergedAsync());
    }

    [Fact]
    public async Task Frames_with_excessive_lengths_end_their_connection_and_nothing_else()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("before");
        foreach (var length in new[] { int.MaxValue, int.MinValue, -1, 0, PeerFrame.BodyBytesMax + 6 })
        {
            using var socket = await cluster.Host(cluster.Nodes[0]).Dialer.ConnectAsync(cluster.Nodes[1], ConnectionKind.Peer, "", CancellationToken.None);
            await socket.SendAsync((byte[])[.. BitConverter.GetBytes(length), 11, 0, 0, 0, 0]);
            Assert.True(await IsEndedAsync(socket));
        }

        await cluster.AppendAsync("after");
    }

    [Fact]
    public async Task A_replica_with_an_impossible_term_is_rebuilt_from_the_others()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("before");
        await cluster.ConvergedAsync();
        var leader = await cluster.LeaderAsync();
        var victim = cluster.Nodes.First(node => node != leader);
        var clusterId = cluster.Host(victim).Options.ClusterId;
        await cluster.StopNodeAsync(victim);
        await WriteTermAsync(cluster, victim, clusterId, long.MaxValue);

        await cluster.StartNodeAsync(victim);
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(victim).IsRunning, "the replica to be rebuilt");
        await cluster.AppendAsync("after");
        await cluster.ConvergedAsync();
        Assert.InRange(cluster.Group(victim).Term, 1, 1000);
    }

    /// <summary>Writes the files of a build that accepted a forged message.</summary>
    private static async Task WriteTermAsync(RaftTestCluster cluster, NodeId node, Guid clusterId, long term)
    {
        await using var log = NodeLog.Open(
            OsFileSystem.Instance, Path.Combine(cluster.DirectoryOf(node), "log"), new LogIdentity(clusterId, node),
            new NodeLogOptions { SegmentBytes = 1 << 20, LogBytesMax = 16 << 20 }, NullLogger.Instance);
        var group = log.OpenGroup(new ReplicaKey(new GroupId(1), 1), isKnownToBeNew: false);
        const BindingFlags Hidden = BindingFlags.Instance | BindingFlags.NonPublic;
        var state = (GroupState)typeof(GroupLog).GetMethod("State", Hidden)!.Invoke(group, null)!;
        typeof(GroupLog).GetMethod("EnqueueState", Hidden)!.Invoke(group, [StateReason.Voted, state with { Ballot = new Ballot(term, default) }]);
        await group.WhenDurableAsync();
    }

    private static async Task<bool> IsHungUpAsync(RaftTestCluster cluster, NodeId to, byte[] message)
    {
        // From a node of the cluster with a correct introduction: the test concerns the messages after it.
        using var socket = await cluster.Host(cluster.Nodes.First(node => node != to)).Dialer.ConnectAsync(to, ConnectionKind.Raft, TargetAt(to), CancellationToken.None);
        await socket.SendAsync(message);
        return await IsEndedAsync(socket);
    }

    private static async Task<bool> IsEndedAsync(Socket socket)
    {
        try
        {
            return await socket.ReceiveAsync(new byte[64]).WaitAsync(Patience) == 0;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private static string TargetAt(NodeId node) => ReplicaEndPoint.Create(node, new ReplicaKey(new GroupId(1), 1)).Uri.AbsoluteUri;

    private static async Task<Socket> SendAsync(RaftTestCluster cluster, NodeId to, byte[] message, NodeAuthentication authentication)
    {
        var host = cluster.Host(to);
        var dialer = Wires.Dial(host.Options.ClusterId, cluster.Nodes.First(node => node != to), _ => host.ListenEndPoint, authentication);
        var socket = await dialer.ConnectAsync(to, ConnectionKind.Raft, TargetAt(to), CancellationToken.None);
        await socket.SendAsync(message);
        return socket;
    }
}
