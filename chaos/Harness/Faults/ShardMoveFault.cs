using KvRaft.Chaos.Cluster;
using KvRaft.V1;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// A replica of a shard moves to a node that had none: the members of the group change twice, a checkpoint is fetched, leadership may be transferred.
/// With a kill, the
/// source, the target or the leader of the shard is killed meanwhile. The fault is over when no move is in progress, whether the move was completed or
/// reverted.
/// </summary>
internal sealed class ShardMoveFault(bool withKill) : IFault
{
    /// <summary>An earlier move must finish first, on a busy machine.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private int _shard;
    private int _from;
    private int _to;
    private int _killed = -1;
    private MoveInfo? _move;

    public async Task<string> PlanAsync(FaultScene scene)
    {
        _shard = scene.Random.Next(scene.Cluster.Plan.Shards);
        var statuses = await scene.Cluster.StatusesAsync();
        var order = scene.AnyNodes(scene.Cluster.Plan.Nodes).Where(statuses.ContainsKey).ToList();
        var holders = order.FindAll(node => statuses[node].Groups.Any(group => group.Shard == _shard));
        var others = order.Except(holders).ToList();
        if (holders.Count == 0 || others.Count == 0)
        {
            throw new FaultException($"shard {_shard} has no target node: {FaultScene.Names(holders)} have it, {FaultScene.Names(others)} have not");
        }

        (_from, _to) = (holders[0], others[0]);
        return $"s{_shard} {ChaosCluster.NameOf(_from)}>{ChaosCluster.NameOf(_to)}";
    }

    public async Task InjectAsync(FaultScene scene)
    {
        var request = new MoveShardRequest { Shard = _shard, FromNode = ChaosCluster.NameOf(_from), ToNode = ChaosCluster.NameOf(_to) };
        _move = await scene.AskAnyAsync(admin => admin.MoveShardAsync(request), Patience)
            ?? throw new FaultException($"no leader began {request} within {Patience.TotalSeconds:0} s");
        if (withKill)
        {
            await KillAsync(scene);
        }
    }

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => Task.FromResult(
        withKill && scene.Cluster.Process(_killed).IsRunning
            ? Evidence.Missing($"{ChaosCluster.NameOf(_killed)} runs")
            : Evidence.Seen($"epoch {_move!.Epoch} has the move{(withKill ? $", no process of {ChaosCluster.NameOf(_killed)}" : "")}"));

    // A small shard is moved in a second or two.
    public TimeSpan Hold(Random random) => TimeSpan.FromMilliseconds(random.Next(100, 4000));

    public Task HealAsync(FaultScene scene) => _killed < 0 ? Task.CompletedTask : scene.Cluster.Process(_killed).StartAsync();

    public async Task<Evidence> CheckHealedAsync(FaultScene scene) => await scene.AskAnyAsync(admin => admin.MovesAsync(), TimeSpan.Zero) switch
    {
        null => Evidence.Missing("no node reports which moves are left"),
        { Moves.Count: > 0 and var left } => Evidence.Missing($"{left} moves are not done"),
        _ => await scene.ServeAsync([.. scene.Cluster.Plan.Numbers]),
    };

    private async Task KillAsync(FaultScene scene)
    {
        await Task.Delay(scene.Random.Next(0, 1500));
        int[] choice = [_from, _to, (await scene.Cluster.LeadersAsync()).GetValueOrDefault(_shard, _from)];
        _killed = choice[scene.Random.Next(choice.Length)];
        await scene.Cluster.Process(_killed).KillAsync();
        scene.Totals.Kills++;
    }
}
