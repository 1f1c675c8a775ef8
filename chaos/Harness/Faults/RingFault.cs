using System.Globalization;
using KvRaft.Chaos.Cluster;
using KvRaft.V1;

namespace KvRaft.Chaos.Faults;

/// <summary>
/// The weight of a node changes and changes back: token ranges of eventual keyspaces get other replica holders, and shards move. A commit is refused
/// while earlier moves are not done, so
/// the fault retries it for a while.
/// </summary>
internal sealed class RingFault : IFault
{
    private static readonly double[] Weights = [0.1, 0.3, 3, 10];

    /// <summary>For the moves of small shards on a busy machine, and an election of group 0.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private int _node;
    private double _weight;
    private long _plan;

    public Task<string> PlanAsync(FaultScene scene)
    {
        (_node, _weight) = (scene.AnyNode(), Weights[scene.Random.Next(Weights.Length)]);
        return Task.FromResult(string.Create(CultureInfo.InvariantCulture, $"{ChaosCluster.NameOf(_node)} weighs {_weight}"));
    }

    public Task InjectAsync(FaultScene scene) => CommitAsync(scene, _weight);

    public Task<Evidence> CheckActiveAsync(FaultScene scene) => HeardAsync(scene);

    public Task HealAsync(FaultScene scene) => CommitAsync(scene, 1);

    public async Task<Evidence> CheckHealedAsync(FaultScene scene)
    {
        if (await scene.Cluster.Admin(_node).OperatorsAsync() is not { } operators)
        {
            return Evidence.Missing("no node reports which moves are left");
        }

        return operators.Operators.Count > 0 ? Evidence.Missing($"{operators.Operators.Count} moves are not done") : await HeardAsync(scene);
    }

    private async Task CommitAsync(FaultScene scene, double weight)
    {
        var change = new PlanChange { Kind = PlanChangeKind.Weight, NodeId = ChaosCluster.NameOf(_node), Weight = weight };
        var plan = await scene.AskAnyAsync(admin => admin.CommitPlanAsync(change), Patience)
            ?? throw new FaultException($"no plan with {change} was committed within {Patience.TotalSeconds:0} s");
        _plan = plan.Plan;
    }

    private async Task<Evidence> HeardAsync(FaultScene scene)
    {
        var statuses = await scene.Cluster.StatusesAsync();
        var deaf = scene.Cluster.Plan.Numbers.Where(node => statuses.GetValueOrDefault(node)?.Eventual is not { } eventual || eventual.Plan <= _plan).ToArray();
        return deaf.Length == 0 ? Evidence.Seen($"all use plan {_plan}") : Evidence.Missing($"{FaultScene.Names(deaf)} did not receive plan {_plan}");
    }
}
