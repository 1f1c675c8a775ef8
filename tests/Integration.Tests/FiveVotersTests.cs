using System.Diagnostics;
using System.Globalization;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;

namespace KvRaft.Integration.Tests;

/// <summary>
/// Five voters survive two failures. One follower is paused while the others accept hundreds of large values. Then two others are paused and the first one continues, so the leader has one
/// follower that holds everything and one that receives the entries it lacks. The test writes until the leader has acknowledged a number of values in this phase: only if a follower
/// that is behind counts, these are held by a minority. Then the leader and the follower that kept up are killed, and nothing acknowledged may be lost.
/// </summary>
public sealed class FiveVotersTests(ITestOutputHelper output)
{
    private const int GroupOfShardZero = 1;
    private const int ValueBytes = 900_000;

    /// <summary>The entries that the late follower lacks: 360 MB, several hundred runs of entries.</summary>
    private const int ValuesBefore = 400;

    /// <summary>So many acknowledgements, one after the other, take far less time than the late follower needs to catch up.</summary>
    private const int ValuesMeanwhile = 20;

    /// <summary>The late follower has caught up long before, also on a busy machine.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(4);

    [Fact]
    [Trait("Category", "Long")]
    public async Task Nothing_acknowledged_is_lost_when_the_leader_and_the_one_follower_that_kept_up_are_killed()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1, nodes: 5, settings: new() { ["replicationFactor"] = 5 });
        var first = await cluster.LeaderAsync(GroupOfShardZero, cluster.Nodes);
        var late = cluster.Nodes.First(node => node != first);
        var prompt = cluster.Nodes.Where(node => node != late).ToArray();
        var acknowledged = new Dictionary<string, int>();

        cluster.Pause(late);
        await using (var client = cluster.Client(prompt))
        {
            // Forty keys: not all values need to remain.
            await WriteAsync(client, "before", keys: 40, ValuesBefore, TimeSpan.FromSeconds(30), acknowledged);
        }

        // The leader may have changed under the load; only from here on it matters which one it is.
        var leader = await cluster.LeaderAsync(GroupOfShardZero, prompt);
        var keepsUp = await UpToDateAsync(cluster, leader, [.. prompt.Where(node => node != leader)]);
        var paused = prompt.Where(node => node != leader && node != keepsUp).ToArray();
        Array.ForEach(paused, cluster.Pause);
        cluster.Resume(late);
        var before = acknowledged.Count;
        await using (var client = cluster.Client(leader, keepsUp))
        {
            await WriteAsync(client, "meanwhile", keys: int.MaxValue, ValuesMeanwhile, TimeSpan.FromSeconds(2), acknowledged);
        }

        cluster.Kill(leader, keepsUp);
        Array.ForEach(paused, cluster.Resume);
        string[] left = [late, .. paused];
        await cluster.LeaderAsync(GroupOfShardZero, left);

        await using var reader = cluster.Client(left);
        var lost = new List<string>();
        foreach (var (key, number) in acknowledged)
        {
            var read = await reader.TextKeyspace().GetAsync(key);
            if (!read.Found || read.Value != Value(number))
            {
                lost.Add(key);
            }
        }

        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{acknowledged.Count - before} writes acknowledged while a follower was behind; of {acknowledged.Count} keys {lost.Count} lost their last value"));
        Assert.Equal(ValuesMeanwhile, acknowledged.Count - before);
        Assert.Empty(lost);
    }

    /// <summary>Writes, one value after the other, until so many are acknowledged.</summary>
    private async Task WriteAsync(KvClient client, string prefix, int keys, int count, TimeSpan timeout, Dictionary<string, int> acknowledged)
    {
        var (keyspace, clock, answered) = (client.TextKeyspace(), Stopwatch.StartNew(), 0);
        for (var number = 0; answered < count; number++)
        {
            var key = string.Create(CultureInfo.InvariantCulture, $"{prefix}-{number % keys}");
            try
            {
                await keyspace.PutAsync(key, Value(number), new KvWriteOptions { Timeout = timeout });
                acknowledged[key] = number;
                answered++;
            }
            catch (KvException error)
            {
                // The outcome is unknown, and so is the value of the key from now on.
                acknowledged.Remove(key);
                Assert.True(clock.Elapsed < Patience, $"Of {count} writes '{prefix}' only {answered} were acknowledged within {Patience.TotalMinutes:0} min; the last one: {error.Message}");
            }
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{prefix}: {count} writes acknowledged in {clock.Elapsed.TotalSeconds:0.0} s"));
    }

    /// <summary>The first of some followers that has applied everything that the leader had applied.</summary>
    private static async Task<string> UpToDateAsync(ProcessCluster cluster, string leader, IReadOnlyList<string> followers)
    {
        var index = (await AppliedAsync(cluster, leader)).GetValueOrDefault();
        return await cluster.EventuallyAsync(
            async () =>
            {
                foreach (var follower in followers)
                {
                    if (await AppliedAsync(cluster, follower) >= index)
                    {
                        return follower;
                    }
                }

                return null;
            },
            $"a follower that has applied what {leader} has");
    }

    private static async Task<long?> AppliedAsync(ProcessCluster cluster, string node) =>
        (await cluster.StatusAsync(node))?.Groups.Single(static group => group.Group == GroupOfShardZero).AppliedIndex;

    private static string Value(int number) => number.ToString(CultureInfo.InvariantCulture).PadRight(ValueBytes, '.');
}
