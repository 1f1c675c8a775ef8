using System.Net;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using KvRaft.Eventual.Causality;
using KvRaft.Node.Cluster;
using KvRaft.Node.Security;
using KvRaft.Placement.State;
using KvRaft.Raft.Proposals;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

/// <summary>
/// Calls between nodes, made by a client. Three pairs of MoveShard and FinishMove used to delete every replica of a shard: the map was changed without proof from the group, and
/// the nodes deleted the replicas that it did not name any more.
/// </summary>
public sealed class InternalCallTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_client_is_refused_what_only_nodes_do_and_nothing_happens()
    {
        await using var cluster = await RunningCluster.StartAsync(1, shards: 2);
        var channel = cluster.Channel(0);
        var self = cluster.Options(0).NodeId.Value;
        await AssertRefusedAsync(new Moves.MovesClient(channel).FinishMoveAsync(new FinishMoveRequest { Shard = 0, ToNode = self, ToIncarnation = 1 }));
        await AssertRefusedAsync(new Nodes.NodesClient(channel).JoinAsync(new JoinRequest { NodeId = "n9" }));
        await AssertRefusedAsync(new Nodes.NodesClient(channel).RegisterAsync(new RegisterRequest { NodeId = self, Instance = Guid.NewGuid().ToString(), Raft = "a:1", Public = "a:2" }));
        await AssertRefusedAsync(new Nodes.NodesClient(channel).StandingAsync(new StandingRequest { NodeId = self }));
        await AssertRefusedAsync(new Nodes.NodesClient(channel).FarewellAsync(new FarewellRequest { NodeId = self }));
        await AssertRefusedAsync(new EventualPeers.EventualPeersClient(channel).HearAsync(new HearRequest()));
        await AssertRefusedAsync(new EventualPeers.EventualPeersClient(channel).FetchAsync(new FetchStateRequest()));
        await AssertRefusedAsync(new EventualPeers.EventualPeersClient(channel).StoreAsync(new StoreStateRequest { State = ByteString.CopyFrom(new byte[1 << 20]) }));
        await AssertRefusedAsync(new EventualTrees.EventualTreesClient(channel).BucketsAsync(new TokenRangeBucketsRequest { Keyspace = 1 }));
        await AssertRefusedAsync(new EventualTrees.EventualTreesClient(channel).BucketKeysAsync(new BucketKeysRequest { Keyspace = 1 }));
        await AssertRefusedAsync(new EventualTrees.EventualTreesClient(channel).ConfirmKeptAsync(new ConfirmKeptRequest()));
        await AssertRefusedAsync(new EventualTrees.EventualTreesClient(channel).ConfirmTombstonesAsync(new TombstonesRequest()));
        await AssertRefusedAsync(new EventualTrees.EventualTreesClient(channel).RemoveTombstonesAsync(new TombstonesRequest()));

        // The mark that nodes set on forwarded calls.
        var marked = new Metadata { { "kvraft-forwarded", "1" } };
        await AssertRefusedAsync(new EventualKv.EventualKvClient(channel).PutAsync(new EventualPutRequest(), marked));
        await AssertRefusedAsync(new Keyspaces.KeyspacesClient(channel).ListAsync(new ListKeyspacesRequest(), marked));

        var admin = new Admin.AdminClient(channel);
        var pace = (await admin.StatusAsync(new StatusRequest())).Load.CopyBytesPerSecond;
        await AssertRefusedAsync(admin.HeartbeatAsync(new HeartbeatRequest { CopyBytesPerSecond = 7 }));
        Assert.Equal(pace, (await admin.StatusAsync(new StatusRequest())).Load.CopyBytesPerSecond);

        // Invented proofs.
        await AssertRefusedAsync(new EventualPeers.EventualPeersClient(channel).HearAsync(new HearRequest(), new Metadata { { NodeProof.Key, new string('A', 44) } }));
        var status = (await admin.StatusAsync(new StatusRequest())).Security;
        Assert.Equal((true, true, 0, 0), (status.HasSecret, status.IsRequired, status.UnprovenCalls, status.UnprovenConnections));
    }

    [Fact]
    public async Task Internal_calls_are_refused_as_JSON_too()
    {
        await using var cluster = await RunningCluster.StartAsync(1, shards: 2, change: static options => options with { HttpListen = new IPEndPoint(IPAddress.Loopback, 0) });
        using var http = new HttpClient { BaseAddress = new Uri($"http://{cluster.Nodes[0]!.HttpEndPoint}") };
        using var marked = new HttpRequestMessage(HttpMethod.Get, "/v1/keyspaces");
        marked.Headers.Add("kvraft-forwarded", "1");
        var answer = await http.SendAsync(marked, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
        Assert.Contains("NODE_PROOF_REQUIRED", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync("/v1/keyspaces", TestContext.Current.CancellationToken)).StatusCode);
    }

    [Fact]
    public async Task A_node_with_the_secret_accepts_nodes_without_it_only_if_configured_and_counts_them()
    {
        await using var cluster = await RunningCluster.StartAsync(1, shards: 2, change: static options => options with { IsClusterSecretRequired = false });
        await new EventualPeers.EventualPeersClient(cluster.Channel(0)).HearAsync(new HearRequest());
        var status = (await new Admin.AdminClient(cluster.Channel(0)).StatusAsync(new StatusRequest())).Security;
        Assert.Equal((true, false, 1), (status.HasSecret, status.IsRequired, status.UnprovenCalls));

        // Another secret is refused in any case.
        await AssertRefusedAsync(new EventualPeers.EventualPeersClient(cluster.Channel(0)).HearAsync(new HearRequest(), new Metadata { { NodeProof.Key, new string('A', 44) } }));
    }

    [Fact]
    public async Task A_cluster_changes_over_to_a_secret_one_node_after_the_other()
    {
        // Two nodes have a secret and do not require it for now, one has none yet: every call works, in each direction.
        await using var cluster = await RunningCluster.StartAsync(3, shards: 2, change: static options => options with
        {
            IsClusterSecretRequired = false,
            ClusterSecretFile = options.NodeId.Value == "n3" ? null : options.ClusterSecretFile,
        });
        await PutAsync(cluster, 0, "k", "v");
        var statuses = await Task.WhenAll(Enumerable.Range(0, 3).Select(async node => (await new Admin.AdminClient(cluster.Channel(node)).StatusAsync(new StatusRequest())).Security));
        Assert.Equal([true, true, false], statuses.Select(static status => status.HasSecret));
        Assert.True(statuses[0].UnprovenConnections > 0);
    }

    [Fact]
    public async Task A_move_is_not_finished_before_the_groups_own_leader_proves_its_members()
    {
        await using var cluster = await FourNodesAsync(static options => options with { ClusterSecretFile = null });
        var state = cluster.Nodes[0]!.Service<PlacementAgent>().State;
        var shard = state.Map![new ShardId(0)];
        var free = state.Nodes.First(node => shard.ReplicaOn(node.Id) is null).Id;

        // The coming node is down, so the move stays in progress; without a secret every caller may report that it is finished.
        var away = Enumerable.Range(0, 4).Single(node => cluster.Options(node).NodeId == free);
        await cluster.StopNodeAsync(away);
        var moves = new Moves.MovesClient(cluster.Channel(Enumerable.Range(0, 4).First(node => node != away)));
        var move = await UntilLedAsync(() => moves.MoveShardAsync(new MoveShardRequest { Shard = 0, FromNode = shard.Replicas[0].Node.Value, ToNode = free.Value }));
        var finish = new FinishMoveRequest { Shard = 0, ToNode = move.ToNode, ToIncarnation = move.ToIncarnation };
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await moves.FinishMoveAsync(finish, deadline: DateTime.UtcNow.AddSeconds(10)));
        Assert.Contains("is not finished", refused.Status.Detail, StringComparison.Ordinal);
        Assert.Equal("NOT_EXECUTED", refused.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Metadata["execution"]);
        Assert.Single((await moves.ListMovesAsync(new ListMovesRequest())).Moves);
        Assert.Equal(shard.Replicas, cluster.Nodes[Enumerable.Range(0, 4).First(node => node != away)]!.Service<PlacementAgent>().State.Map![new ShardId(0)].Replicas);
    }

    [Fact]
    public async Task A_replica_that_votes_in_its_group_is_kept_for_any_map()
    {
        await using var cluster = await FourNodesAsync(static options => options);
        await PutAsync(cluster, 0, "k", "v");
        var leader = Enumerable.Range(0, 4).Single(node => cluster.Nodes[node]!.Service<PlacementAgent>().Group.IsLeader);
        var agent = cluster.Nodes[leader]!.Service<PlacementAgent>();
        foreach (var id in Enumerable.Range(0, agent.State.Map!.ShardCount))
        {
            // Group 0 records the end of the move without the check, as a build without the check would do.
            var shard = agent.State.Map![new ShardId(id)];
            var free = agent.State.Nodes.First(node => shard.ReplicaOn(node.Id) is null).Id;
            await ProposeAsync(agent, new StartMove(shard.Id, shard.Replicas[0].Node, free));
            await ProposeAsync(agent, new FinishMove(shard.Id, agent.State.MoveOf(shard.Id)!.To, MoveEnd.Moved));
        }

        await EventuallyAsync(
            async () => (await StatusesAsync(cluster)).SelectMany(static status => status.Groups).Any(static group => group.State.Contains("kept although the shard map", StringComparison.Ordinal)),
            "a replica to be kept and shown");
        Assert.Equal("v", await GetAsync(cluster, 1, "k"));
        var voters = (await StatusesAsync(cluster)).SelectMany(static status => status.Groups).Where(static group => group.Shard == 0 && group.Role == ReplicaRole.Leader);
        Assert.Equal(3, Assert.Single(voters).Voters.Count);
    }

    [Fact]
    public async Task Values_that_another_node_stores_here_are_checked()
    {
        await using var cluster = await RunningCluster.StartAsync(1, shards: 2);
        var self = cluster.Options(0).NodeId;
        var proof = NodeProof.Of(cluster.Options(0), ClusterSecretFile.Authentication(cluster.Options(0)));
        var keyspaces = new Keyspaces.KeyspacesClient(cluster.Channel(0));
        var made = await keyspaces.CreateAsync(new CreateKeyspaceRequest { Keyspace = new KeyspaceInfo { Name = "carts", Mode = V1.KeyspaceMode.Eventual } });
        var peers = new EventualPeers.EventualPeersClient(ProvingInterceptor.Over(cluster.Channel(0), proof.Towards(self)));
        var seed = cluster.Nodes[0]!.Service<PlacementAgent>().State.Map!.HashSeed;
        var key = "cart"u8.ToArray();
        var token = KeyHash.TokenOf(seed, new KeyspaceId((uint)made.Id), KvRaft.Topology.RoutingRule.WholeKey, key).Value;
        var state = ByteString.CopyFrom(SiblingSetCodec.Encode(SiblingSet.Empty));
        StoreStateRequest Store(int keyspace, ulong at, byte[] bytes, string hintFor = "", ByteString? what = null) => new()
        {
            Key = new StateKey { Keyspace = keyspace, Token = at, Key = ByteString.CopyFrom(bytes) },
            State = what ?? state,
            HintFor = hintFor,
        };

        await peers.StoreAsync(Store(made.Id, token, key));
        await AssertFailsAsync("has no eventual keyspace", peers.StoreAsync(Store(made.Id + 1, token, key)));
        await AssertFailsAsync("has no eventual keyspace", peers.StoreAsync(Store(1, token, key)));
        await AssertFailsAsync("key.token", peers.StoreAsync(Store(made.Id, token + 1, key)));
        await AssertFailsAsync("hint_for", peers.StoreAsync(Store(made.Id, token, key, hintFor: "n99")));
        await AssertFailsAsync("not a state of a key", peers.StoreAsync(Store(made.Id, token, key, what: ByteString.CopyFrom([1, 0xFF, 0xFF, 0x7F]))));
        await AssertFailsAsync("at most 65535 bytes", peers.FetchAsync(new FetchStateRequest { Key = new StateKey { Keyspace = made.Id, Token = token, Key = ByteString.CopyFrom(new byte[70_000]) } }));
        await AssertFailsAsync("a keyspace, a token and a key", peers.FetchAsync(new FetchStateRequest()));
        var trees = new EventualTrees.EventualTreesClient(ProvingInterceptor.Over(cluster.Channel(0), proof.Towards(self)));
        var many = new TombstonesRequest();
        many.Tombstones.Add(Enumerable.Repeat(new RecordHash { Key = new StateKey { Keyspace = made.Id, Token = token, Key = ByteString.CopyFrom(key) } }, 10_001));
        await AssertFailsAsync("10000", trees.RemoveTombstonesAsync(many));
    }

    [Fact]
    public async Task A_node_with_another_secret_does_not_start_beside_the_cluster()
    {
        await using var cluster = await RunningCluster.StartAsync(3, shards: 2);
        await cluster.StopNodeAsync(2);
        var another = Path.Combine(cluster.Options(2).DataDirectory, "another-secret");
        ClusterSecretFile.Make(another);
        var refused = await Assert.ThrowsAsync<KvRaft.Node.Lifecycle.NodeStartException>(() => cluster.StartAsync(cluster.Options(2) with { ClusterSecretFile = another }));
        Assert.Contains("cluster secret", refused.Message, StringComparison.Ordinal);
        Assert.Equal(KvRaft.Node.Lifecycle.StartFault.NotAdmitted, refused.Fault);
    }

    private static async Task<RunningCluster> FourNodesAsync(Func<KvRaft.Node.Options.NodeOptions, KvRaft.Node.Options.NodeOptions> change) =>
        await RunningCluster.StartAsync(4, shards: 2, change: options => change(options with { ReplicationFactor = 3 }));

    private static async Task ProposeAsync(PlacementAgent agent, PlacementCommand command)
    {
        using var limit = new CancellationTokenSource(Patience);
        var result = await agent.ProposeAsync(command, limit.Token);
        Assert.Equal(ProposalStatus.Applied, result.Status);
        Assert.IsNotType<PlacementRefused>(result.Outcome);
        await agent.WaitForAsync(state => command is not StartMove start || state.MoveOf(start.Shard) is not null, limit.Token);
    }

    private static async Task<StatusResponse[]> StatusesAsync(RunningCluster cluster) =>
        await Task.WhenAll(Enumerable.Range(0, cluster.Nodes.Count).Select(async node => await new Admin.AdminClient(cluster.Channel(node)).StatusAsync(new StatusRequest())));

    private static async Task PutAsync(RunningCluster cluster, int node, string key, string value) =>
        await cluster.Kv(node).PutAsync(new PutRequest { Key = ByteString.CopyFromUtf8(key), Value = ByteString.CopyFromUtf8(value) }, deadline: DateTime.UtcNow + Patience);

    private static async Task<string> GetAsync(RunningCluster cluster, int node, string key) =>
        (await cluster.Kv(node).GetAsync(new GetRequest { Key = ByteString.CopyFromUtf8(key) }, deadline: DateTime.UtcNow + Patience)).Current.Value.ToStringUtf8();

    private static async Task<T> UntilLedAsync<T>(Func<AsyncUnaryCall<T>> call)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (true)
        {
            try
            {
                return await call();
            }
            catch (RpcException error) when (error.StatusCode == StatusCode.Unavailable && !limit.IsCancellationRequested)
            {
                await Task.Delay(50, limit.Token);
            }
        }
    }

    private static async Task EventuallyAsync(Func<Task<bool>> holds, string what)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (!await holds())
        {
            Assert.False(limit.IsCancellationRequested, $"Waited {Patience.TotalSeconds} s for {what}.");
            await Task.Delay(50);
        }
    }

    private static async Task AssertRefusedAsync<T>(AsyncUnaryCall<T> call)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await call);
        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
        var info = refused.GetRpcStatus()!.GetDetail<ErrorInfo>()!;
        Assert.Equal(("NODE_PROOF_REQUIRED", "NOT_EXECUTED"), (info.Reason, info.Metadata["execution"]));
    }

    private static async Task AssertFailsAsync<T>(string why, AsyncUnaryCall<T> call)
    {
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await call);
        var status = refused.GetRpcStatus()!;
        Assert.Equal("NOT_EXECUTED", status.GetDetail<ErrorInfo>()!.Metadata["execution"]);
        Assert.Contains(why, status.ToString(), StringComparison.Ordinal);
    }
}
