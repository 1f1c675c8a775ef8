namespace KvRaft.Simulation.Tests.Log;

/// <summary>Random schedules of operations, power failures and restarts, compared with a model. Each failure prints its seed.</summary>
public sealed class CrashTests(ITestOutputHelper output)
{
    /// <summary>Set it to a printed seed to run that schedule alone.</summary>
    private const string SeedVariable = "KVRAFT_SIMULATION_SEED";

    [Fact]
    public Task Power_failures_lose_no_acknowledged_record_and_add_none() => RunAsync(schedules: 2000, corrupts: false);

    [Fact]
    public Task Damaged_bytes_are_reported_and_never_truncated_silently() => RunAsync(schedules: 2000, corrupts: true);

    [Fact]
    [Trait("Category", "Long")]
    public Task Power_failures_lose_no_acknowledged_record_and_add_none_for_long() => RunAsync(schedules: 100_000, corrupts: false);

    [Fact]
    [Trait("Category", "Long")]
    public Task Damaged_bytes_are_reported_and_never_truncated_silently_for_long() => RunAsync(schedules: 100_000, corrupts: true);

    private async Task RunAsync(int schedules, bool corrupts)
    {
        var seeds = int.TryParse(Environment.GetEnvironmentVariable(SeedVariable), out var one)
            ? [one]
            : Enumerable.Range(Random.Shared.Next(), 1).SelectMany(first => Enumerable.Range(0, schedules).Select(i => unchecked(first + i)));
        int losses = 0, damaged = 0;
        foreach (var seed in seeds)
        {
            var schedule = new CrashSchedule(seed, corrupts);
            try
            {
                await schedule.RunAsync();
            }
            catch (Exception failure)
            {
                Assert.Fail($"{SeedVariable}={seed}\n{failure}\n{schedule.Dump()}");
            }

            losses += schedule.Losses;
            damaged += schedule.Damages;
        }

        output.WriteLine($"{losses} restarts lost unacknowledged records, {damaged} groups were found damaged.");
    }
}
