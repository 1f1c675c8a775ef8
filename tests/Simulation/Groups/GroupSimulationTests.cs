using System.Globalization;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary><c>KVRAFT_SIMULATION_SEED</c> plays one seed again, and nothing else.</summary>
public class GroupSimulationTests(ITestOutputHelper output)
{
    private const int SeedsFast = 200;
    private const int SeedsLong = 20_000;

    /// <summary>
    /// Operations that a seed must answer on average. Measured: 10 on seeds 1 to 200. The profiles that compete for leadership answer fewer than the mixed one, and a single seed may
    /// answer none; a third less over all of them means that the groups no longer agree on much, and that the other findings of these seeds are worth less.
    /// </summary>
    private const int AnsweredOfSeed = 6;

    [Fact]
    public Task Every_answer_is_explained_by_one_order_and_every_replica_is_equal_in_the_end() => PlayAsync(1, SeedsFast);

    [Fact]
    [Trait("Category", "Long")]
    public Task Twenty_thousand_seeds() => PlayAsync(1 + SeedsFast, SeedsLong);

    [Fact]
    public async Task A_seed_plays_exactly_the_same_again()
    {
        Assert.Equal(await StoryAsync(11), await StoryAsync(11));
        Assert.NotEqual(await StoryAsync(11), await StoryAsync(12));
    }

    private async Task PlayAsync(int first, int count)
    {
        var (answered, elections, partial, changes) = (0, 0, 0, 0);
        var chosen = Environment.GetEnvironmentVariable("KVRAFT_SIMULATION_SEED") is { } seed ? int.Parse(seed, CultureInfo.InvariantCulture) : (int?)null;
        foreach (var one in chosen is { } only ? [only] : Enumerable.Range(first, count))
        {
            await using var run = new GroupRun(one);
            run.Play();
            Assert.True(run.Fault is null, run.Fault);
            (answered, elections) = (answered + run.Answered, elections + run.Elections);
            (partial, changes) = (partial + run.PartialRounds, changes + run.Changes);
        }

        output.WriteLine($"{answered} operations answered, {elections} leaders elected, {partial} answers to a part of a round, {changes} changes of voters");

        // Runs in which hardly anything happens prove nothing.
        Assert.True(chosen is not null || (answered > count * AnsweredOfSeed && elections > count * 2 && partial > count * 5 && changes > count / 5));
    }

    private static async Task<IReadOnlyList<string>> StoryAsync(int seed)
    {
        await using var run = new GroupRun(seed);
        run.Play();
        return run.Story;
    }
}
