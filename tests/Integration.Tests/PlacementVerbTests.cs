using KvRaft.Integration.Tests.Processes;

namespace KvRaft.Integration.Tests;

/// <summary>The commands for the ring, the schedulers and the cluster, and their output.</summary>
public sealed class PlacementVerbTests
{
    [Fact]
    public async Task Kvctl_shows_and_changes_the_ring_the_schedulers_and_the_cluster()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 4, nodes: 4);
        await using var client = cluster.Client();
        Assert.Contains("is initialized: 4 nodes, 4 shards, ring epoch", await RunAsync(0, "cluster", "init"), StringComparison.Ordinal);

        var shares = (await RunAsync(0, "ring", "show", "-o", "plain")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["n1", "n2", "n3", "n4"], shares.Select(static line => line.Split('\t')[0]));
        Assert.All(shares, static line => Assert.Equal("3", line.Split('\t')[6]));
        var owners = (await RunAsync(0, "ring", "owners", "-o", "plain")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(["0000000000000000", "4000000000000000", "8000000000000000", "c000000000000000"], owners.Select(static line => line.Split('\t')[1]));
        Assert.Equal("ffffffffffffffff", owners[3].Split('\t')[2]);

        var loads = (await RunAsync(0, "shard", "load", "-o", "plain")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(static line => line.Split('\t')).ToArray();
        Assert.Equal(["0", "1", "2", "3"], loads.Select(static line => line[0]).Order(StringComparer.Ordinal));
        Assert.All(loads, static line => Assert.Equal("0", line[2]));

        // Compared with the staged changes, and with an earlier epoch.
        Assert.Equal("", await RunAsync(0, "ring", "diff", "-o", "plain"));
        var epoch = (await client.Administration.Calls.ShowRingAsync()).Epoch;
        await RunAsync(0, "node", "weight", "n1", "0.1");
        var planned = (await RunAsync(0, "ring", "diff", "-o", "plain")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.NotEmpty(planned);
        Assert.All(planned, static line => Assert.Equal("weight n1 0.1", line.Split('\t')[4]));
        await RunAsync(0, "plan", "commit", "--wait");
        var done = await RunAsync(0, "ring", "diff", $"{epoch}", "-o", "plain");
        Assert.Equal(planned.Length, done.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("is before", await RunAsync(128, "ring", "diff", $"{epoch + 1}", $"{epoch}"), StringComparison.Ordinal);
        Assert.Contains("ring epochs start at 1", await RunAsync(128, "ring", "diff", "0"), StringComparison.Ordinal);

        Assert.Contains("balance\tpaused", await RunAsync(0, "scheduler", "list", "-o", "plain"), StringComparison.Ordinal);
        Assert.StartsWith("drain is paused until ", await RunAsync(0, "scheduler", "pause", "drain", "--for", "10m"), StringComparison.Ordinal);
        Assert.Contains("drain\tpaused\t20", await RunAsync(0, "scheduler", "list", "-o", "plain"), StringComparison.Ordinal);
        Assert.StartsWith("drain transfers leadership", await RunAsync(0, "scheduler", "resume", "drain"), StringComparison.Ordinal);
        Assert.Contains("there is no scheduler 'nobody'", await RunAsync(128, "scheduler", "pause", "nobody"), StringComparison.Ordinal);
        Assert.Equal("copy-mb-per-second is 32.", (await RunAsync(0, "scheduler", "config", "set", "copy-mb-per-second", "32")).TrimEnd());
        Assert.Contains("copy-mb-per-second\t32", await RunAsync(0, "scheduler", "config", "-o", "plain"), StringComparison.Ordinal);
        Assert.Contains("copy-mb-per-second\t32", await RunAsync(0, "scheduler", "config", "get", "-o", "plain"), StringComparison.Ordinal);
        Assert.Contains("is not from 1 to 100000", await RunAsync(128, "scheduler", "config", "set", "copy-mb-per-second", "0"), StringComparison.Ordinal);
        Assert.Contains("there is no setting 'speed'", await RunAsync(128, "scheduler", "config", "set", "speed", "1"), StringComparison.Ordinal);

        cluster.Kill("n4");
        Assert.Contains("n4 does not answer", await RunAsync(7, "shard", "load"), StringComparison.Ordinal);
        Assert.Contains("n4 does not answer", await RunAsync(7, "cluster", "init", "--wait", "1s"), StringComparison.Ordinal);
        cluster.Kill("n1", "n2", "n3");
        await RunAsync(2, "cluster", "init", "--wait", "1s");

        async Task<string> RunAsync(int code, params string[] arguments)
        {
            using var kvctl = new KvctlProcess(string.Join(',', cluster.Nodes.Select(cluster.Endpoint)), arguments);
            var (ended, output) = await kvctl.EndAsync();
            Assert.True(code == ended, $"kvctl {string.Join(' ', arguments)}: {ended}: {output}");
            return output;
        }
    }
}
