namespace KvRaft.Simulation.Tests.Log;

/// <summary>The heart: random schedules of operations, power cuts and restarts against a model. Each failure prints its seed.</summary>
public sealed class CrashTests(ITestOutputHelper output)
{
    /// <summary>Set to a printed seed to run that schedule alone.</summary>
    private const string SeedVariable = "KVRAFT_SIMULATION_SEED";

    [Fact]
    public Task Loses_nothing_acknowledged_and_invents_nothing_over_power_cuts() => RunAsync(schedules: 2000, spoils: false);

    [Fact]
    public Task Reports_spoilt_bytes_and_never_cuts_them_silently() => RunAsync(schedules: 2000, spoils: true);

    [Fact]
    [Trait("Category", "Long")]
    public Task Loses_nothing_acknowledged_and_invents_nothing_over_power_cuts_for_long() => RunAsync(schedules: 100_000, spoils: false);

    [Fact]
    [Trait("Category", "Long")]
    public Task Reports_spoilt_bytes_and_never_cuts_them_silently_for_long() => RunAsync(schedules: 100_000, spoils: true);

    private async Task RunAsync(int schedules, bool spoils)
    {
        var seeds = int.TryParse(Environment.GetEnvironmentVariable(SeedVariable), out var one)
            ? [one]
            : Enumerable.Range(Random.Shared.Next(), 1).SelectMany(first => Enumerable.Range(0, schedules).Select(i => unchecked(first + i)));
        int losses = 0, damages = 0;
        foreach (var seed in seeds)
        {
            var schedule = new CrashSchedule(seed, spoils);
            try
            {
                await schedule.RunAsync();
            }
            catch (Exception failure)
            {
                Assert.Fail($"{SeedVariable}={seed}\n{failure}\n{schedule.Dump()}");
            }

            losses += schedule.Losses;
            damages += schedule.Damages;
        }

        output.WriteLine($"{losses} restarts lost something unacknowledged, {damages} groups were found damaged.");
    }
}
