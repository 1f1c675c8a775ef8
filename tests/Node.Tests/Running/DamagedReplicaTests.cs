using KvRaft.Client;
using KvRaft.Node.Cluster;
using KvRaft.Node.Control;
using KvRaft.Raft.Groups;
using KvRaft.Storage;
using KvRaft.TestKit;
using KvRaft.Topology;

namespace KvRaft.Node.Tests.Running;

/// <summary>Files of one replica are damaged, as by a bad disk: the replica sets them aside and is rebuilt from the others, and the node continues.</summary>
public sealed class DamagedReplicaTests
{
    private const int Keys = 200;

    private static readonly GroupId Group = GroupId.OfShard(new ShardId(0));

    /// <summary>Random text does not compress, so that a flipped byte falls into a value.</summary>
    private static readonly string Value = Convert.ToHexString(Bytes(1024));

    [Fact]
    public async Task A_flipped_byte_under_a_leader_costs_no_read_and_the_replica_is_rebuilt()
    {
        await using var cluster = await FilledAsync();
        await using var client = cluster.CreateClient();
        var keys = client.TextKeyspace();
        var leader = await cluster.LeaderOfAsync("key-0");
        foreach (var table in Directory.GetFiles(StoreOf(leader), "*.sst"))
        {
            FlipByte(table, new FileInfo(table).Length / 3);
        }

        for (var number = 0; number < Keys; number++)
        {
            Assert.Equal(Value, (await keys.GetAsync($"key-{number}")).Value);
        }

        await RebuiltAsync(cluster, leader);
        Assert.NotEqual(leader, await cluster.LeaderOfAsync("key-0"));
        await EqualAsync(cluster);
    }

    [Theory]
    [InlineData("MANIFEST-*", true)]
    [InlineData("*.sst", false)]
    [InlineData("CURRENT", false)]
    public async Task A_node_starts_with_a_cut_or_missing_file_of_one_replica_and_rebuilds_it(string file, bool isCut)
    {
        await using var cluster = await FilledAsync();
        var node = cluster.Nodes[2];
        await cluster.StopAsync(node);
        var path = Directory.GetFiles(StoreOf(node), file).Order(StringComparer.Ordinal).Last();
        if (isCut)
        {
            using var stream = new FileStream(path, FileMode.Open);
            stream.SetLength(stream.Length / 2);
        }
        else
        {
            File.Delete(path);
        }

        await cluster.StartAsync(node);
        await cluster.WhenReadyAsync();
        await RebuiltAsync(cluster, node);
        await EqualAsync(cluster);
    }

    /// <summary>Each of these replicas was opened again and again, and stayed unavailable until an operator deleted its directory.</summary>
    [Theory]
    [InlineData("shards/s0-r1/db-1/CURRENT", true)]
    [InlineData("shards/s0-r1/db-1/IDENTITY", true)]
    [InlineData("shards/s0-r1/db-1/LOCK", true)]
    [InlineData("shards/s0-r1/db-1", false)]
    [InlineData("shards/s0-r1", false)]
    [InlineData("shards", false)]
    public async Task A_node_starts_with_a_file_in_the_place_of_a_directory_or_the_reverse_and_rebuilds_the_replica(string place, bool isDirectory)
    {
        await using var cluster = await FilledAsync();
        var node = cluster.Nodes[2];
        await cluster.StopAsync(node);
        var path = Path.Combine(node.Options.DataDirectory, place);
        DurableFile.Delete(path);
        if (isDirectory)
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            await File.WriteAllTextAsync(path, "a file");
        }

        await cluster.StartAsync(node);
        await cluster.WhenReadyAsync();
        await RebuiltAsync(cluster, node);
        await EqualAsync(cluster);
    }

    [Theory]
    [InlineData("placement", false)]
    [InlineData("placement/placement.state", true)]
    public async Task A_node_starts_with_a_file_in_the_place_of_the_directory_of_group_0_or_the_reverse_and_copies_another(string place, bool isDirectory)
    {
        await using var cluster = await FilledAsync();
        var node = cluster.Nodes[1];
        await node.Running!.Service<PlacementAgent>().Group.FlushAsync(keepEntries: 0, CancellationToken.None);
        await cluster.StopAsync(node);
        var path = Path.Combine(node.Options.DataDirectory, place);
        DurableFile.Delete(path);
        if (isDirectory)
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            await File.WriteAllTextAsync(path, "a file");
        }

        await cluster.StartAsync(node);
        await cluster.WhenReadyAsync();

        Assert.True(Path.Exists(Path.Combine(node.Options.DataDirectory, "placement.damaged")));
        Assert.Equal(
            cluster.Nodes[0].Running!.Service<PlacementAgent>().State.Epoch, node.Running!.Service<PlacementAgent>().State.Epoch);
    }

    [Fact]
    public async Task A_node_starts_with_a_damaged_state_of_group_0_and_copies_another()
    {
        await using var cluster = await FilledAsync();
        var node = cluster.Nodes[1];
        await node.Running!.Service<PlacementAgent>().Group.FlushAsync(keepEntries: 0, CancellationToken.None);
        await cluster.StopAsync(node);
        FlipByte(Path.Combine(node.Options.DataDirectory, "placement", "placement.state"), 40);

        await cluster.StartAsync(node);
        await cluster.WhenReadyAsync();

        Assert.True(Directory.Exists(Path.Combine(node.Options.DataDirectory, "placement.damaged")));
        Assert.Equal(
            cluster.Nodes[0].Running!.Service<PlacementAgent>().State.Epoch, node.Running!.Service<PlacementAgent>().State.Epoch);
    }

    /// <summary>No replica of the shard can apply the entry, now or after a restart: the status reports that the node does not repeat the attempt.</summary>
    [Fact]
    public async Task A_replica_that_cannot_apply_a_command_stops_and_reports_that_it_needs_an_operator()
    {
        await using var cluster = await TestCluster.StartAsync(new TestClusterOptions { Shards = 1 });
        var leader = await cluster.LeaderOfAsync("key");
        Assert.All(cluster.Nodes, static node => Assert.False(StatusOf(node).NeedsOperator));

        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        await GroupOf(leader)!.ProposeAsync(new byte[] { 0xff, 0xff, 0xff, 0xff }, limit.Token);

        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (cluster.Nodes.Any(static node => StatusOf(node) is not { NeedsOperator: true, Role: V1.ReplicaRole.Stopped }))
        {
            Assert.False(patience.IsCancellationRequested, $"no replica may go on: {string.Join("; ", cluster.Nodes.Select(static node => StatusOf(node)))}");
            await Task.Delay(20, CancellationToken.None);
        }
    }

    private static async Task<TestCluster> FilledAsync()
    {
        var cluster = await TestCluster.StartAsync(new TestClusterOptions { Shards = 1 });
        await using var client = cluster.CreateClient();
        var keys = client.TextKeyspace();
        await Task.WhenAll(Enumerable.Range(0, Keys).Select(number => keys.PutAsync($"key-{number}", Value).AsTask()));
        foreach (var node in cluster.Nodes)
        {
            // Into tables, and out of the log: a damaged table cannot be replayed.
            var group = GroupOf(node)!;
            await group.WaitForApplyAsync(cluster.Nodes.Max(static each => GroupOf(each)!.Status().CommitIndex), CancellationToken.None);
            await group.FlushAsync(keepEntries: 0, CancellationToken.None);
        }

        return cluster;
    }

    private static async Task RebuiltAsync(TestCluster cluster, TestNode node)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (true)
        {
            var status = StatusOf(node);
            if (status.State == "serving" && status.Rebuilds > 0 && !Path.Exists(ShardOf(node) + ".damaged"))
            {
                return;
            }

            Assert.False(patience.IsCancellationRequested, $"the replica was not rebuilt: {status.State}, rebuilds {status.Rebuilds}");
            await Task.Delay(20);
        }
    }

    private static async Task EqualAsync(TestCluster cluster)
    {
        await using var client = cluster.CreateClient();
        await client.TextKeyspace().PutAsync("last", "1");
        var index = cluster.Nodes.Max(static node => GroupOf(node)!.Status().CommitIndex);
        foreach (var node in cluster.Nodes)
        {
            await GroupOf(node)!.WaitForApplyAsync(index, CancellationToken.None);
        }

        Assert.Single(cluster.Nodes.Select(static node => GroupOf(node)!.Machine.Digest()).Distinct());
    }

    private static V1.GroupStatus StatusOf(TestNode node) => node.Running!.Service<OwnStatus>().Now().Groups.Single(static group => group.Group == Group.Value);

    private static RaftGroup? GroupOf(TestNode node) => node.Running!.Service<RaftHost>().Groups.FirstOrDefault(static group => group.Id == Group);

    private static string ShardOf(TestNode node) => Path.Combine(node.Options.DataDirectory, "shards", "s0-r1");

    private static string StoreOf(TestNode node) => Directory.GetDirectories(ShardOf(node), "db-*").Single();

    private static byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        new Random(7).NextBytes(bytes);
        return bytes;
    }

    private static void FlipByte(string path, long offset)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.Position = offset;
        var value = file.ReadByte();
        file.Position = offset;
        file.WriteByte((byte)(value ^ 0x10));
    }
}
