namespace KvRaft.Integration.Tests.Processes;

/// <summary>
/// Kills the leaders of a cluster's shards, one after the other, as the work under test advances, so that each death falls into the work
/// at any speed of the machine; each victim is started again and back in its place before the next dies.
/// </summary>
internal sealed class LeaderKiller(ProcessCluster cluster, int shards)
{
    /// <summary>Leaders killed so far.</summary>
    public int Kills { get; private set; }

    /// <summary>Kills the leader of the next shard; returns when every shard has a leader again and the victim runs.</summary>
    public async Task KillNextAsync()
    {
        var group = (Kills % shards) + 1;
        var victim = await cluster.LeaderAsync(group, cluster.Nodes);
        cluster.Kill(victim);
        await cluster.LeaderAsync(group, [.. cluster.Nodes.Where(node => node != victim)]);
        cluster.Start(victim);
        await cluster.ServesAsync(victim);
        await cluster.AllLedAsync(shards);
        Kills++;
    }

    /// <summary>One kill each time <paramref name="progress"/> (0 to 1) passes the next of <paramref name="kills"/> equal steps.</summary>
    public async Task FollowAsync(int kills, Func<double> progress, Task work)
    {
        for (var kill = 1; kill <= kills; kill++)
        {
            while (progress() < kill / (kills + 1.0) && !work.IsCompleted)
            {
                await Task.WhenAny(work, Task.Delay(20));
            }

            await KillNextAsync();
        }
    }
}
