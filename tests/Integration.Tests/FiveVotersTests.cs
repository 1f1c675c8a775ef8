using System.Globalization;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;

namespace KvRaft.Integration.Tests;

/// <summary>
/// Five voters survive two that are gone. One follower is paused while the others take hundreds of large values; then two others are paused, and the leader goes on with one follower
/// that has everything and one that is sent what it lacks. Whatever it acknowledges then, a majority has: killing the leader and the follower that kept up loses nothing.
/// </summary>
public sealed class FiveVotersTests(ITestOutputHelper output)
{
    private const int GroupOfShardZero = 1;
    private const int ValueBytes = 900_000;

    [Fact]
    [Trait("Category", "Long")]
    public async Task Nothing_acknowledged_is_lost_when_the_leader_and_the_one_follower_that_kept_up_are_killed()
    {
        await using var cluster = await ProcessCluster.StartAsync(shards: 1, nodes: 5, settings: new() { ["replicationFactor"] = 5 });
        var leader = await cluster.LeaderAsync(GroupOfShardZero, cluster.Nodes);
        var others = cluster.Nodes.Where(node => node != leader).ToArray();
        var (late, keepsUp, paused) = (others[0], others[1], others[2..]);
        var acknowledged = new Dictionary<string, int>();
        var answered = 0;
        await using var client = cluster.Client(leader);
        var keyspace = client.TextKeyspace();

        cluster.Pause(late);
        for (var number = 0; number < 500; number++)
        {
            await PutAsync(number, TimeSpan.FromSeconds(30));
        }

        Array.ForEach(paused, cluster.Pause);
        cluster.Resume(late);
        for (var (number, end) = (500, DateTime.UtcNow.AddSeconds(6)); DateTime.UtcNow < end; number++)
        {
            await PutAsync(number, TimeSpan.FromSeconds(1));
        }

        cluster.Kill(leader, keepsUp);
        Array.ForEach(paused, cluster.Resume);
        var left = new[] { late, paused[0], paused[1] };
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

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{answered} writes acknowledged; of {acknowledged.Count} keys {lost.Count} lost their last"));
        Assert.Empty(lost);

        async Task PutAsync(int number, TimeSpan patience)
        {
            // Forty keys: the values need not all stay.
            var key = string.Create(CultureInfo.InvariantCulture, $"k{number % 40}");
            try
            {
                await keyspace.PutAsync(key, Value(number), new KvWriteOptions { Timeout = patience });
                acknowledged[key] = number;
                answered++;
            }
            catch (KvException)
            {
                // Its fate is open, and so is what the key holds from now on.
                acknowledged.Remove(key);
            }
        }
    }

    private static string Value(int number) => number.ToString(CultureInfo.InvariantCulture).PadRight(ValueBytes, '.');
}
