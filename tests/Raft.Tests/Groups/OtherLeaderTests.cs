using System.Net;
using System.Net.Sockets;
using System.Reflection;
using KvRaft.Raft.Catchup;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Runs;
using KvRaft.Raft.Tests.Transport;
using KvRaft.Raft.Transport;
using KvRaft.Topology;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>A message from one of the others must not remove a healthy replica, nor pin the log of the others permanently.</summary>
public sealed class OtherLeaderTests
{
    /// <summary>
    /// A deposed leader that has not detected it yet has another history than the group. A replica that met it, and then found some leader proven, treated its own history as the wrong one.
    /// </summary>
    [Fact]
    public async Task A_deposed_leader_with_another_history_stops_no_replica()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("before");
        await cluster.ConvergedAsync();
        var leader = await cluster.LeaderAsync();
        var (replica, deposed) = (cluster.Nodes.First(node => node != leader), cluster.Nodes.Last(node => node != leader));
        var clusterId = cluster.Host(replica).Options.ClusterId;
        await cluster.StopNodeAsync(deposed);
        var group = cluster.Group(replica);
        var asked = 0;
        await using var listener = Impersonate(clusterId, deposed, (from, kind) =>
        {
            if (from != replica || kind != PeerRequestKind.Status)
            {
                return null;
            }

            // It leads in its own view, with a log that lacks entries that the replica has committed. At the next query it has detected its loss.
            var isFirst = Interlocked.Increment(ref asked) % 2 == 1;
            return new PeerStatus(1, IsLeader: isFirst, group.Term, StartTerm: 0, StartIndex: 0, LastIndex: 0, CommitIndex: 0, AppliedIndex: 0, IsMember: true);
        });
        cluster.Impersonate(deposed, listener.LocalEndPoint);

        // Two checks of the group: the second begins when the first has ended. Each sends two queries if it met a conflict.
        for (var look = 1; look <= 2; look++)
        {
            var before = Volatile.Read(ref asked);
            group.OnBehind();
            await RaftTestCluster.EventuallyAsync(() => Volatile.Read(ref asked) >= before + 2, $"look {look} at the group");
        }

        await cluster.AppendAsync("after");
        await RaftTestCluster.EventuallyAsync(() => cluster.Machine(replica).Commands.Contains("after"), "the replica to go on");
        Assert.Equal(ReplicaState.Running, group.Status().State);
        Assert.Null(group.Fault);
    }

    /// <summary>The log of the others was kept, and their writers slowed, for a replica that had caught up by other means long before.</summary>
    [Fact]
    public async Task A_lease_ends_when_the_log_has_passed_an_interrupted_fetch()
    {
        await using var cluster = await RaftTestCluster.StartAsync();
        await cluster.AppendAsync("first");
        await cluster.AppendAsync("second");
        await cluster.ConvergedAsync();
        var leader = await cluster.LeaderAsync();
        var node = cluster.Nodes.First(node => node != leader);
        var (host, group) = (cluster.Host(node), cluster.Group(node));
        var time = new FasterTime(20);
        var fetcher = new CheckpointFetcher(host.Dialer, Path.Combine(cluster.DirectoryOf(node), "incoming"), new CopyBudget(time), time, NullLogger.Instance);

        // The remains of an interrupted fetch.
        typeof(CheckpointFetcher).GetField("_index", BindingFlags.Instance | BindingFlags.NonPublic)!.SetValue(fetcher, 1L);
        Assert.Equal(1, fetcher.Index);
        Assert.True(group.CommitIndex > 1);
        await using var lease = new EntryLease(group, new PeerSurvey(group.Id, host.Dialer, host.Options), fetcher, time);
        lease.Take();
        await RaftTestCluster.EventuallyAsync(() => !lease.IsHeld, "the lease to end");
        Assert.False(cluster.Group(leader).Leases.AreHeld);
    }

    /// <summary>Answers with the result of the delegate, and refuses if there is none.</summary>
    private static NodeListener Impersonate(Guid clusterId, NodeId node, Func<NodeId, PeerRequestKind, PeerStatus?> answer) => new(
        clusterId, node, new IPEndPoint(IPAddress.Loopback, 0), new Handshake(Wires.Authentication(), clusterId), 100,
        async (socket, from, stopping) =>
        {
            using var stream = new NetworkStream(socket, ownsSocket: false);
            while (true)
            {
                var (kind, _) = await PeerFrame.ReadAsync(stream, stopping);
                var status = answer(from, (PeerRequestKind)kind);
                await PeerFrame.WriteAsync(
                    stream,
                    (byte)(status is null ? PeerAnswerKind.Refused : PeerAnswerKind.Json),
                    status is null ? "not here"u8.ToArray() : System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(status, PeerJson.Default.PeerStatus),
                    stopping);
            }
        },
        Wires.Background, TimeProvider.System, NullLogger.Instance)
    {
        // A later run than the stopped one.
        Runs = new RunBook(null, new NodeRun(1000, Guid.NewGuid(), long.MaxValue), OsFileSystem.Instance, NullLogger.Instance),
    };
}
