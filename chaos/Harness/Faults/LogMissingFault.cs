using KvRaft.Chaos.Cluster;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// One node is paused while the others continue to acknowledge. Then those are killed, and one of them comes back without its log, in half the cases without its member lists too, and in half the
/// cases after a second start. With the paused node it would be a majority that knows of nothing acknowledged meanwhile. It must take no part until the others are back and it was rebuilt from them.
/// </summary>
internal sealed class LogMissingFault : IFault
{
    /// <summary>How long the others acknowledge without the paused node: some elections, and hundreds of writes.</summary>
    private static readonly TimeSpan Later = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private int _victim;
    private int _paused;
    private int[] _killed = [];
    private bool _isSecondStart;
    private bool _isWithLists;

    public Task<string> PlanAsync(FaultScene scene)
    {
        var nodes = scene.AnyNodes(2);
        (_victim, _paused) = (nodes[0], nodes[1]);
        (_isSecondStart, _isWithLists) = (scene.Random.Next(2) == 0, scene.Random.Next(2) == 0);
        return Task.FromResult(
            $"{ChaosCluster.NameOf(_victim)} without its log{(_isWithLists ? " and its member lists" : "")}{(_isSecondStart ? ", started twice" : "")}; {ChaosCluster.NameOf(_paused)} paused before");
    }

    public async Task InjectAsync(FaultScene scene)
    {
        await scene.Cluster.Process(_paused).SignalAsync("STOP");
        await Task.Delay(Later);
        _killed = [.. scene.Cluster.Plan.Numbers.Where(node => node != _paused)];
        await Task.WhenAll(_killed.Select(node => scene.Cluster.Process(node).KillAsync()));
        scene.Totals.Kills += _killed.Length;
        var data = scene.Cluster.DataDirectory(_victim);
        Directory.Delete(Path.Combine(data, "log"), recursive: true);
        if (_isWithLists)
        {
            Directory.Delete(Path.Combine(data, "groups"), recursive: true);
        }

        await scene.Cluster.Process(_paused).SignalAsync("CONT");
        await scene.Cluster.Process(_victim).StartAsync();
        if (_isSecondStart)
        {
            await AnswersAsync(scene);
            await scene.Cluster.Process(_victim).KillAsync();
            scene.Totals.Kills++;
            await scene.Cluster.Process(_victim).StartAsync();
        }

        await AnswersAsync(scene);
    }

    public async Task<Evidence> CheckActiveAsync(FaultScene scene) =>
        (await scene.Cluster.Admin(_victim).StatusAsync())?.Groups.FirstOrDefault(static group => group.State.Contains("rebuilding", StringComparison.Ordinal)) is { } replica
            ? Evidence.Seen($"group {replica.Group} of {ChaosCluster.NameOf(_victim)} is {replica.State}")
            : Evidence.Missing($"no replica of {ChaosCluster.NameOf(_victim)} is rebuilt");

    // The two that are there would elect a leader in this time, and answer.
    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(4_000, 8_000));

    public async Task HealAsync(FaultScene scene)
    {
        await scene.Cluster.Process(_paused).SignalAsync("CONT");
        await Task.WhenAll(_killed.Where(node => !scene.Cluster.Process(node).IsRunning).Select(node => scene.Cluster.Process(node).StartAsync()));
    }

    public Task<Evidence> CheckHealedAsync(FaultScene scene) => scene.ServeAsync([.. scene.Cluster.Plan.Numbers]);

    private async Task AnswersAsync(FaultScene scene)
    {
        if (await scene.AskAnyAsync<object>(async _ => await scene.Cluster.Admin(_victim).StatusAsync(), Patience) is null)
        {
            throw new FaultException($"{ChaosCluster.NameOf(_victim)} does not answer without its log");
        }
    }
}
