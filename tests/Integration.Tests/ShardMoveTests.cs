using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>
/// Four nodes, three replicas of each shard: one is moved to the node that lacks it while clients write, and a node that takes part in the move is
/// killed.
/// </summary>
public sealed class ShardMoveTests
{
    private const int Shard = 0;
    private const int Group = Shard + 1;

    [Fact]
    public async Task Followers_and_leaders_move_under_writes_and_no_call_fails()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 2, nodes: 4);
        await cluster.AllLedAsync(shards: 2);
        await using var client = cluster.Client();
        await using var writers = new Writers(cluster.Client(), count: 16);
        await writers.ReachedAsync(300);
        for (var turn = 1; turn <= 4; turn++)
        {
            var leads = turn % 2 == 0;
            var move = await StartAsync(cluster, client, (node, leader) => node == leader == leads);
            await DoneAsync(cluster, client, move);
            await OldCopyGoneAsync(cluster, move);
            Assert.Contains($"compared its old replica of shard {Shard}", cluster.Log(move.FromNode), StringComparison.Ordinal);
            Assert.DoesNotContain("equal: False", cluster.Log(move.FromNode), StringComparison.Ordinal);
            await writers.ReachedAsync(writers.Acknowledged.Count + 100);
        }

        Assert.Equal(0, writers.FailedCalls);
        await writers.StopAsync();
        Assert.Empty(await writers.LostAsync(client));
        await ReplicasAgreeAsync(cluster, client);
    }

    public enum Party
    {
        Source,
        Target,
        Leader,
    }

    [Fact]
    public Task A_move_is_completed_after_the_leader_was_killed_in_the_middle() => KilledInTheMiddleAsync(Party.Leader, isVoter: true);

    /// <summary>The other rows, each a minute of starting and killing; <see cref="MoveFaultTests"/> has more of them.</summary>
    [Trait("Category", "Long")]
    [Theory]
    [InlineData(Party.Source, true)]
    [InlineData(Party.Target, false)]
    [InlineData(Party.Source, false)]
    [InlineData(Party.Target, true)]
    [InlineData(Party.Leader, false)]
    public Task A_move_ends_when_a_party_is_killed_at_the_other_moment(Party party, bool isVoter) => KilledInTheMiddleAsync(party, isVoter);

    private static async Task KilledInTheMiddleAsync(Party party, bool isVoter)
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1, nodes: 4);
        await cluster.AllLedAsync(shards: 1);
        await using var client = cluster.Client();
        await using var writers = new Writers(cluster.Client(), count: 16);
        await writers.ReachedAsync(300);

        var move = await StartAsync(cluster, client, (node, leader) => node != leader);
        if (isVoter)
        {
            await VoterAsync(cluster, client, move);
        }

        var victim = party switch
        {
            Party.Source => move.FromNode,
            Party.Target => move.ToNode,
            _ => await cluster.LeaderAsync(Group, cluster.Nodes),
        };
        cluster.Kill(victim);
        cluster.Start(victim);
        await DoneAsync(cluster, client, move);
        await OldCopyGoneAsync(cluster, move);

        await writers.StopAsync();
        Assert.Empty(await writers.LostAsync(client));
        await ReplicasAgreeAsync(cluster, client);
    }

    [Fact]
    public async Task A_cancelled_move_leaves_everything_as_it_was()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1, nodes: 4);
        await cluster.AllLedAsync(shards: 1);
        await using var client = cluster.Client();
        await client.TextKeyspace().PutAsync("key", "value");
        var before = await ShardAsync(client);

        // A target that is down keeps the move from continuing.
        var target = cluster.Nodes.Single(node => before.Replicas.All(replica => replica.NodeId != node));
        cluster.Kill(target);
        await using var reachable = cluster.Client([.. cluster.Nodes.Where(node => node != target)]);
        var move = await reachable.Administration.Calls.MoveShardAsync(Shard, before.Replicas[0].NodeId, target);
        await cluster.EventuallyAsync(
            async () => await reachable.Administration.Calls.ListMovesAsync() is { Moves.Count: 1 } moves ? moves : null, "the node that is asked to list the move");

        await reachable.Administration.Calls.CancelMoveAsync(Shard);
        await DoneAsync(cluster, reachable, move, cancelled: true);
        cluster.Start(target);
        await cluster.EventuallyAsync(
            async () => await cluster.StatusAsync(target) is { } status && status.RingEpoch > move.Epoch && status.Groups.All(group => group.Group != Group) ? status : null,
            $"{target} to have nothing of shard {Shard}");
        Assert.Equal(before.Replicas, (await ShardAsync(client)).Replicas);
        Assert.Equal("value", (await client.TextKeyspace().GetAsync("key")).Value);
    }

    [Fact]
    public async Task Invalid_moves_are_refused_with_the_reason()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1, nodes: 4);
        await cluster.AllLedAsync(shards: 1);
        await using var client = cluster.Client();
        var replicas = (await ShardAsync(client)).Replicas.Select(replica => replica.NodeId).ToArray();
        var free = cluster.Nodes.Single(node => !replicas.Contains(node));

        await AssertRefusedAsync("has a replica on", replicas[0], replicas[1]);
        await AssertRefusedAsync("has no replica on", free, replicas[0]);
        await AssertRefusedAsync("there is no node", replicas[0], "n9");
        await AssertRefusedAsync("there is no shard 7", replicas[0], free, shard: 7);

        async Task AssertRefusedAsync(string reason, string from, string to, int shard = Shard)
        {
            var refused = await Assert.ThrowsAsync<KvException>(() => client.Administration.Calls.MoveShardAsync(shard, from, to));
            Assert.Contains(reason, refused.Message, StringComparison.Ordinal);
        }
    }

    private static async Task<MoveInfo> StartAsync(ProcessCluster cluster, KvClient client, Func<string, string, bool> goes)
    {
        var leader = await cluster.LeaderAsync(Group, cluster.Nodes);

        // Whichever node the client calls; one may receive the last move a moment after another.
        await cluster.EventuallyAsync(
            async () => (await Task.WhenAll(cluster.Nodes.Select(node => cluster.StatusAsync(node)))).Select(static status => status?.RingEpoch).Distinct().ToArray() is [not null] one ? one : null,
            "all nodes to have the same map");
        var replicas = (await ShardAsync(client)).Replicas.Select(replica => replica.NodeId).ToArray();
        var from = replicas.First(node => goes(node, leader));
        return await client.Administration.Calls.MoveShardAsync(Shard, from, cluster.Nodes.Single(node => !replicas.Contains(node)));
    }

    private static async Task<ShardRoute> ShardAsync(KvClient client) =>
        (await client.Administration.Calls.GetRoutesAsync()).Shards.Single(shard => shard.Shard == Shard);

    /// <summary>Waits until the target votes; an end of the move by then is as good.</summary>
    private static Task VoterAsync(ProcessCluster cluster, KvClient client, MoveInfo move) => cluster.EventuallyAsync(
        async () =>
        {
            var moves = await client.Administration.Calls.ListMovesAsync();
            var status = await cluster.StatusAsync(move.ToNode);
            return moves.Moves.Count == 0 || status?.Groups.SingleOrDefault(group => group.Group == Group) is { Role: not ReplicaRole.Learner } ? moves : null;
        },
        $"{move.ToNode} to vote");

    private static async Task DoneAsync(ProcessCluster cluster, KvClient client, MoveInfo move, bool cancelled = false)
    {
        var end = await cluster.EventuallyAsync(
            async () => await TryAsync(() => client.Administration.Calls.ListMovesAsync()) is { } moves && moves.Epoch > move.Epoch && moves.Moves.Count == 0 ? moves : null,
            $"the end of {move}");
        var shard = await cluster.EventuallyAsync(
            async () => await TryAsync(() => client.Administration.Calls.GetRoutesAsync()) is { } map && map.Epoch >= end.Epoch ? map.Shards.Single(each => each.Shard == Shard) : null,
            "the map that holds it");
        Assert.Equal(!cancelled, shard.Replicas.Any(replica => replica.NodeId == move.ToNode && replica.Incarnation == move.ToIncarnation));
        Assert.Equal(cancelled, shard.Replicas.Any(replica => replica.NodeId == move.FromNode));
    }

    private static async Task<T?> TryAsync<T>(Func<Task<T>> ask)
        where T : class
    {
        try
        {
            return await ask();
        }
        catch (KvException error) when (error.IsTransient || error.Reason == ErrorReasons.InvalidRequest)
        {
            // Unreachable, or not open yet.
            return null;
        }
    }

    private static Task OldCopyGoneAsync(ProcessCluster cluster, MoveInfo move) => cluster.EventuallyAsync(
        async () => await cluster.StatusAsync(move.FromNode) is { } status
            && status.Groups.All(group => group.Group != Group)
            && !Directory.Exists(Path.Combine(cluster.DataDirectory(move.FromNode), "shards", $"s{Shard}-r{move.FromIncarnation}"))
            && !Directory.Exists(Path.Combine(cluster.DataDirectory(move.FromNode), "groups", $"g{Group}-r{move.FromIncarnation}"))
                ? status
                : null,
        $"the old copy on {move.FromNode} to be gone");

    /// <summary>The three replicas of the map are the three voters, and report the same digest at the same entry.</summary>
    private static async Task ReplicasAgreeAsync(ProcessCluster cluster, KvClient client)
    {
        var replicas = (await ShardAsync(client)).Replicas.Select(replica => replica.NodeId).Order().ToArray();
        Assert.Equal(3, replicas.Length);
        var leader = await cluster.LeaderAsync(Group, replicas);
        Assert.Equal(replicas, (await cluster.StatusAsync(leader))!.Groups.Single(group => group.Group == Group).Voters.Order());
        await cluster.EventuallyAsync(
            async () =>
            {
                // A node that was killed may still be starting.
                var digests = await Task.WhenAll(replicas.Select(node => TryAsync(
                    () => client.Administration.Calls.GetDigestAsync(cluster.Endpoint(node), Shard, TimeSpan.FromSeconds(5)))));
                return Array.TrueForAll(digests, digest => digest is not null)
                    && digests.Select(digest => (digest!.AppliedIndex, digest.Digest)).Distinct().Count() == 1
                        ? digests
                        : null;
            },
            "equal digests");
    }
}
