using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using KvRaft.Raft.Proposals;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>
/// Continuous writers, while the test stops nodes, makes leaders resign, truncates logs so that replicas recover by
/// checkpoint, and cuts links. Every commit is proven at once; at the end all replicas are equal and hold each acknowledged
/// command exactly once.
/// <para>
/// Small values share entries; of large ones a follower that was away needs several runs of entries for each round, so that a commit must not be based on one of them.
/// </para>
/// <para>KVRAFT_STRESS_SECONDS sets how long each case runs (default 600: eighty minutes for the eight), KVRAFT_STRESS_SEED the seed.</para>
/// </summary>
public sealed class StressTests(ITestOutputHelper output)
{
    private const int Writers = 8;
    private const int SmallBytes = 0;
    private const int LargeBytes = 200 << 10;

    [Theory]
    [InlineData(3, SmallBytes)]
    [InlineData(4, SmallBytes)]
    [InlineData(5, SmallBytes)]
    [InlineData(7, SmallBytes)]
    [InlineData(3, LargeBytes)]
    [InlineData(4, LargeBytes)]
    [InlineData(5, LargeBytes)]
    [InlineData(7, LargeBytes)]
    [Trait("Category", "Long")]
    public Task Nothing_is_lost_or_applied_twice_under_any_faults_of_the_voters(int voters, int valueBytes) =>
        RunAsync(voters, valueBytes, TimeSpan.FromSeconds(Setting("KVRAFT_STRESS_SECONDS", 600)), Setting("KVRAFT_STRESS_SEED", Random.Shared.Next()));

    [Theory]
    [InlineData(3, SmallBytes)]
    [InlineData(5, LargeBytes)]
    public Task Nothing_is_lost_or_applied_twice_in_a_few_seconds(int voters, int valueBytes) =>
        RunAsync(voters, valueBytes, TimeSpan.FromSeconds(6), Setting("KVRAFT_STRESS_SEED", Random.Shared.Next()));

    private static int Setting(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : otherwise;

    private async Task RunAsync(int voters, int valueBytes, TimeSpan duration, int seed)
    {
        output.WriteLine($"{voters} voters, values of {valueBytes} bytes more than their name, {duration.TotalSeconds:0} s, seed {seed}");
        await using var cluster = await RaftTestCluster.StartAsync(
            voters, configure: options => valueBytes == SmallBytes ? options : options with { LogSegmentBytes = 8 << 20, LogBytesMax = 64 << 20 });
        await cluster.AppendAsync("begin");
        var acknowledged = new ConcurrentQueue<string>();
        var unknown = new ConcurrentQueue<string>();
        using var end = new CancellationTokenSource(duration);
        var writers = Enumerable.Range(0, Writers).Select(number => Task.Run(() => WriteAsync(cluster, number, valueBytes, acknowledged, unknown, end.Token))).ToArray();
        var deeds = await TormentAsync(cluster, new Random(seed), end.Token);
        await Task.WhenAll(writers);

        cluster.Gate.Heal();
        foreach (var node in cluster.Nodes.Where(node => !cluster.IsUp(node)))
        {
            await cluster.StartNodeAsync(node);
        }

        await cluster.AppendAsync("end");
        var commands = await cluster.ConvergedAsync();
        output.WriteLine(
            $"{acknowledged.Count} acknowledged, {unknown.Count} unknown, {cluster.Proof.Checked} commits proven; "
            + string.Join(", ", deeds.OrderBy(deed => deed.Key).Select(deed => $"{deed.Key} {deed.Value}")));
        Assert.Empty(cluster.Proof.Violations);
        Assert.Equal(commands.Count, commands.Distinct().Count());
        var lost = acknowledged.Except(commands).ToArray();
        var strangers = commands.Where(text => text[0] == 'w').Except([.. acknowledged, .. unknown]).ToArray();
        Assert.Equal(([], []), (lost, strangers));
        Assert.False(acknowledged.IsEmpty);
    }

    private static async Task WriteAsync(
        RaftTestCluster cluster, int writer, int valueBytes, ConcurrentQueue<string> acknowledged, ConcurrentQueue<string> unknown, CancellationToken end)
    {
        for (var number = 0; !end.IsCancellationRequested; number++)
        {
            var text = $"w{writer}-{number}";
            var group = cluster.Nodes.Select(cluster.TryGroup).FirstOrDefault(open => open is { IsLeader: true });
            if (group is null)
            {
                await Task.Delay(5, CancellationToken.None);
                continue;
            }

            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2));
            var result = await group.ProposeAsync(Encoding.UTF8.GetBytes(text + new string(JournalMachine.Padding, valueBytes)), patience.Token);
            if (result.Status == ProposalStatus.Applied)
            {
                acknowledged.Enqueue(text);
            }
            else if (result.Status == ProposalStatus.Unknown)
            {
                unknown.Enqueue(text);
            }
        }
    }

    private static async Task<Dictionary<string, int>> TormentAsync(RaftTestCluster cluster, Random random, CancellationToken end)
    {
        var deeds = new Dictionary<string, int>();
        while (!end.IsCancellationRequested)
        {
            var node = cluster.Nodes[random.Next(cluster.Nodes.Count)];
            var deed = await TormentOnceAsync(cluster, node, random);
            deeds[deed] = deeds.GetValueOrDefault(deed) + 1;

            // The interval between faults, not a wait for a condition: long enough for elections in between.
            await Task.Delay(random.Next(50, 1500), CancellationToken.None);
        }

        return deeds;
    }

    private static async Task<string> TormentOnceAsync(RaftTestCluster cluster, NodeId node, Random random)
    {
        if (!cluster.IsUp(node))
        {
            await cluster.StartNodeAsync(node);
            return "start";
        }

        switch (random.Next(6))
        {
            case 0 when cluster.Nodes.Count(cluster.IsUp) > cluster.Nodes.Count / 2:
                await cluster.StopNodeAsync(node);
                return "stop";
            case 1 when cluster.Nodes.Count(cluster.IsUp) > cluster.Nodes.Count / 2:
                await cluster.CrashNodeAsync(node);
                return "crash";
            case 2:
                await cluster.Group(node).ResignAsync(CancellationToken.None);
                return "resign";
            case 3:
                await cluster.Group(node).FlushAsync(keepEntries: random.Next(2) * 50, CancellationToken.None);
                return "truncate";
            case 4:
                cluster.Gate.Isolate(node, cluster.Nodes);
                return "isolate";
            default:
                cluster.Gate.Heal();
                return "heal";
        }
    }
}
