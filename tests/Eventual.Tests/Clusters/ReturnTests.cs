using System.Diagnostics;
using KvRaft.Topology;
using Some = KvRaft.Eventual.Tests.Replicas.Some;

namespace KvRaft.Eventual.Tests.Clusters;

/// <summary>A node returns after a long absence while other nodes serve.</summary>
public class ReturnTests(ITestOutputHelper output)
{
    /// <summary>An hour of some ten writes a second to different keys.</summary>
    private const int Missed = 36_000;

    private const int Writers = 8;

    [Fact]
    [Trait("Category", "Long")]
    public async Task Everything_missed_is_handed_over_beside_the_work_of_others()
    {
        await using var cluster = SmallCluster.Start(3, new QuorumSpec(3, 2, 2, Sloppy: true));
        cluster.Partition([1, 2], [3]);
        var written = -1;
        await Task.WhenAll(Enumerable.Range(0, Writers * 4).Select(_ => Task.Run(async () =>
        {
            while (Interlocked.Increment(ref written) is var i && i < Missed)
            {
                Assert.True((await cluster[1 + (i % 2)].PutAsync(Some.Key($"missed{i}"), new string('v', 100))).Reached);
            }
        })));
        var away = await P99OfAsync(cluster, "away", Task.Delay(TimeSpan.FromSeconds(5)));

        cluster.Heal();
        var clock = Stopwatch.StartNew();
        var back = await P99OfAsync(cluster, "back", BringBackAsync(cluster));

        output.WriteLine($"{Missed} keys in {clock.Elapsed.TotalSeconds:0.0} s; p99 of a put {away.TotalMilliseconds:0.0} ms before, {back.TotalMilliseconds:0.0} ms meanwhile: {back / away:0.00} times");
        await cluster.CompareAsync();
        Assert.All(cluster.Members.Values, member => Assert.Empty(member.Replica.Hints.Backlogs()));
        Assert.Single(cluster.Members.Values.Select(member => string.Join(',', member.Replica.Trees.Roots(SmallCluster.Keyspace))).Distinct());
    }

    private static async Task BringBackAsync(SmallCluster cluster)
    {
        while (cluster.Members.Values.Any(static member => !member.Replica.Hints.Backlogs().IsEmpty))
        {
            await Task.WhenAll(cluster.Members.Values.Select(static member => member.Handoff.RunAsync(CancellationToken.None)));
        }
    }

    /// <summary>The latency that a few writers see until the given task is over.</summary>
    private static async Task<TimeSpan> P99OfAsync(SmallCluster cluster, string name, Task over)
    {
        var latencies = await Task.WhenAll(Enumerable.Range(0, Writers).Select(writer => Task.Run(async () =>
        {
            var own = new List<TimeSpan>();
            for (var i = 0; !over.IsCompleted; i++)
            {
                var start = Stopwatch.GetTimestamp();
                await cluster[1 + (i % 2)].PutAsync(Some.Key($"{name}{writer}.{i}"), "v");
                own.Add(Stopwatch.GetElapsedTime(start));
                await Task.Delay(5);
            }

            return own;
        })));
        await over;
        var all = latencies.SelectMany(static own => own).Order().ToArray();
        return all[(int)(all.Length * 0.99)];
    }
}
