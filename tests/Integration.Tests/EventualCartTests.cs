using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>Eventual keyspaces on real processes: values that the two sides of a partition wrote independently are all there afterwards, and deleted ones are not.</summary>
public sealed class EventualCartTests
{
    private static readonly KvEventualOptions All = new() { Read = 3, Write = 3 };

    [Fact]
    public async Task Both_sides_of_a_partition_write_and_afterwards_both_items_are_in_the_cart()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 2);
        await CreateAsync(cluster, "carts", ConflictPolicy.Siblings);
        await CreateAsync(cluster, "sets", ConflictPolicy.Set);
        await CreateAsync(cluster, "counters", ConflictPolicy.Counter);

        // One side at a time is stopped completely, so nothing passes between them while both write.
        cluster.Pause("n2");
        cluster.Pause("n3");
        await using (var left = At(cluster, "n1"))
        {
            await Cart(left).PutAsync("cart", "milk", KvContext.None);
            await left.Eventual.Set("sets", "cart", KvSerializers.Utf8).AddAsync("milk");
            await left.Eventual.Counter("counters", "visits").AddAsync(2);
        }

        cluster.Pause("n1");
        cluster.Resume("n2");
        cluster.Resume("n3");
        await using (var right = At(cluster, "n2"))
        {
            await Cart(right).PutAsync("cart", "bread", KvContext.None);
            await right.Eventual.Set("sets", "cart", KvSerializers.Utf8).AddAsync("bread");
            await right.Eventual.Counter("counters", "visits").AddAsync(3);
        }

        cluster.Resume("n1");
        await EqualAsync(cluster);

        foreach (var node in cluster.Nodes)
        {
            await using var client = At(cluster, node);
            Assert.Equal(["bread", "milk"], (await Cart(client).GetAsync("cart")).Values.Order());
            Assert.Equal(["bread", "milk"], await client.Eventual.Set("sets", "cart", KvSerializers.Utf8).GetAsync());
            Assert.Equal(5, await client.Eventual.Counter("counters", "visits").GetAsync());
        }

        await using var someone = cluster.Client();
        Assert.Equal("bread+milk", await Cart(someone).UpdateAsync("cart", static values => string.Join('+', values.Order()), All));
        Assert.Equal(["bread+milk"], (await Cart(someone).GetAsync("cart", All)).Values);
    }

    /// <summary>A minute of starts; the cell wipe/converge of chaos/run --tier pr does the same to every build.</summary>
    [Fact]
    [Trait("Category", "Long")]
    public async Task A_node_that_was_away_or_lost_its_disk_brings_no_delete_back_and_gets_everything_again()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 2);
        await CreateAsync(cluster, "carts", ConflictPolicy.Siblings);
        await using var client = At(cluster, "n1");
        for (var i = 0; i < 20; i++)
        {
            await Cart(client).PutAsync($"k{i}", $"v{i}", KvContext.None, All);
        }

        cluster.Kill("n3");
        for (var i = 0; i < 10; i++)
        {
            await Cart(client).DeleteAsync($"k{i}", (await Cart(client).GetAsync($"k{i}")).Context);
        }

        cluster.Start("n3");
        await cluster.ServesAsync("n3");
        await EqualAsync(cluster);
        await ShowsAsync(cluster);

        cluster.Kill("n3");
        Directory.Delete(Path.Combine(cluster.DataDirectory("n3"), "eventual"), recursive: true);
        cluster.Start("n3");
        await cluster.ServesAsync("n3");
        await EqualAsync(cluster);
        await ShowsAsync(cluster);

        // It writes under a new name, so none of its writes is taken for an earlier one.
        await using var wiped = At(cluster, "n3");
        await Cart(wiped).PutAsync("k19", "again", KvContext.None, All);
        Assert.Equal(["again", "v19"], (await Cart(wiped).GetAsync("k19", All)).Values.Order());
    }

    private static async Task ShowsAsync(ProcessCluster cluster)
    {
        foreach (var node in cluster.Nodes)
        {
            await using var client = At(cluster, node);
            for (var i = 0; i < 20; i++)
            {
                Assert.Equal(i < 10 ? [] : [$"v{i}"], (await Cart(client).GetAsync($"k{i}")).Values);
            }
        }
    }

    private static IEventualKeyspace<string, string> Cart(KvClient client) => client.Eventual.Keyspace("carts", KvSerializers.Utf8, KvSerializers.Utf8);

    /// <summary>A client that calls one node only.</summary>
    private static KvClient At(ProcessCluster cluster, string node) => KvClient.Connect(cluster.Options(node) with { Routing = KvRouting.Endpoints });

    private static async Task CreateAsync(ProcessCluster cluster, string name, ConflictPolicy conflict)
    {
        await using var client = cluster.Client();
        var keyspace = new KeyspaceInfo
        {
            Name = name,
            Mode = KeyspaceMode.Eventual,
            Eventual = new EventualPolicy { N = 3, R = 1, W = 1, Conflict = conflict },
        };

        // With these options it may be sent again while group 0 elects.
        await client.Administration.Calls.CreateKeyspaceAsync(keyspace, ifNotExists: true);
        foreach (var node in cluster.Nodes)
        {
            await using var at = At(cluster, node);
            await at.Administration.Calls.GetKeyspaceAsync(name);
        }
    }

    /// <summary>Waits until no node has hints left, and every node has since found every token range equal on all its replicas.</summary>
    private static async Task EqualAsync(ProcessCluster cluster)
    {
        await using var client = cluster.Client();
        await cluster.EventuallyAsync(
            async () =>
            {
                foreach (var node in cluster.Nodes)
                {
                    var hints = await client.Administration.Calls.ListHintsAsync(cluster.Endpoint(node));
                    if (hints.Nodes.Any(owed => owed.Keys > 0))
                    {
                        return null;
                    }
                }

                return cluster;
            },
            "all hints to be handed over");
        var since = new Dictionary<string, long>();
        foreach (var node in cluster.Nodes)
        {
            since[node] = (await client.Administration.Calls.GetRepairStatusAsync(cluster.Endpoint(node))).Rounds;
        }

        await cluster.EventuallyAsync(
            async () =>
            {
                foreach (var node in cluster.Nodes)
                {
                    var status = await client.Administration.Calls.GetRepairStatusAsync(cluster.Endpoint(node));

                    // One round may have started before; the one after it has seen everything.
                    if (status.Rounds < since[node] + 2 || status.TokenRanges.Any(range => range.LastError.Length > 0))
                    {
                        await client.Administration.Calls.RunRepairAsync(cluster.Endpoint(node));
                        return null;
                    }
                }

                return cluster;
            },
            "all copies to be equal");
    }
}
