using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;

namespace KvRaft.Integration.Tests;

/// <summary>Processes that join a running cluster: those that are accepted, and those that must be refused.</summary>
public sealed class NodeJoinTests
{
    [Fact]
    public async Task A_fourth_node_joins_answers_every_request_and_holds_nothing()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 2);
        await using var before = cluster.Client();
        await before.TextKeyspace().PutAsync("key", "value");

        await cluster.JoinAsync("n4", through: "n2");
        await cluster.ServesAsync("n4");
        await using (var through = new KvClient(cluster.Options("n4") with { Routing = KvRouting.Endpoints }))
        {
            Assert.Equal("value", (await through.TextKeyspace().GetAsync("key")).Value);
            await through.TextKeyspace().PutAsync("key", "through n4");
        }

        Assert.Equal("through n4", (await before.TextKeyspace().GetAsync("key")).Value);
        var nodes = await cluster.EventuallyAsync(
            async () => await before.Administration.Calls.ListNodesAsync() is { Nodes.Count: 4 } all && all.Nodes.All(node => node.SilenceMs >= 0) ? all : null,
            "the placement driver to receive heartbeats of four nodes");
        var fourth = nodes.Nodes.Single(node => node.NodeId == "n4");
        Assert.Equal(("joined", "up", 0), (fourth.Standing, fourth.Health, fourth.Shards));
        Assert.Equal(["n1", "n2", "n3"], nodes.PlacementVoters);

        // It is the same node after a restart, and needs no seed then.
        cluster.Kill("n4");
        cluster.Start("n4");
        await cluster.ServesAsync("n4");
        await using var again = new KvClient(cluster.Options("n4") with { Routing = KvRouting.Endpoints });
        Assert.Equal("through n4", (await again.TextKeyspace().GetAsync("key")).Value);
    }

    [Fact]
    public async Task A_node_with_a_false_identity_is_refused_and_nothing_changes()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1);
        await using var client = cluster.Client();
        await cluster.EventuallyAsync(
            async () => (await client.Administration.Calls.ListNodesAsync()).Nodes.Count == 3 ? client : null, "the cluster to know its nodes");
        var epoch = (await client.Administration.Calls.ListNodesAsync()).Epoch;

        await AssertRefusedAsync("n4", "is cluster", changed: new() { ["clusterName"] = "another" });
        await AssertRefusedAsync("n4", "n1 is registered at", at: "n1", changed: new() { ["publicListen"] = "127.0.0.1:0", ["raftListen"] = "127.0.0.1:0" });
        await AssertRefusedAsync("n4", "no space for a node", changed: new() { ["limits:diskReserveBytes"] = 1L << 60 });
        Assert.Equal(3, (await client.Administration.Calls.ListNodesAsync()).Nodes.Count);

        // The name of a node that is up, from another directory.
        await cluster.JoinAsync("n9");
        await cluster.ServesAsync("n9");
        cluster.Forget("n9");
        Directory.Delete(cluster.DataDirectory("n9"), recursive: true);
        await AssertRefusedAsync("n9", "registered with another data directory");

        async Task AssertRefusedAsync(string node, string why, string? at = null, Dictionary<string, object>? changed = null)
        {
            await cluster.JoinAsync(node, at: at, changed: changed);
            var (code, log) = await cluster.WhenEndedByItselfAsync(node);
            cluster.Forget(node);
            Assert.Equal(1, code);
            Assert.Contains(why, log, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_wiped_node_is_refused_under_its_name_and_joins_under_another_at_its_address()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1, settings: new() { ["timings:nodeDownAfterMs"] = 2000 });
        await using var client = cluster.Client("n1", "n2");
        await client.TextKeyspace().PutAsync("key", "value");

        // The record of its directory on the other nodes protects them.
        await cluster.EventuallyAsync(
            async () => await client.Administration.Calls.ListNodesAsync() is { } nodes && nodes.Nodes.All(node => node.SilenceMs >= 0) ? nodes : null, "heartbeats of all nodes");
        cluster.Kill("n3");
        cluster.Wipe("n3");
        cluster.Start("n3");
        var (code, log) = await cluster.WhenEndedByItselfAsync("n3");
        Assert.Equal(1, code);
        Assert.Contains("n3 is registered with another data directory", log, StringComparison.Ordinal);

        await cluster.EventuallyAsync(
            async () => (await client.Administration.Calls.ListNodesAsync()).Nodes.Single(node => node.NodeId == "n3").Health == "down" ? client : null, "n3 to be down");
        await cluster.JoinAsync("n4", at: "n3");
        await cluster.ServesAsync("n4");
        await using var fourth = new KvClient(cluster.Options("n4") with { Routing = KvRouting.Endpoints });
        Assert.Equal("value", (await fourth.TextKeyspace().GetAsync("key")).Value);
    }
}
