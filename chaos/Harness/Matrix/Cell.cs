namespace KvRaft.Chaos.Matrix;

/// <summary>One run of a campaign: a scenario, and the cluster it is run on where that is not left to the command line.</summary>
/// <param name="Scenario">The fault and the workload.</param>
/// <param name="Nodes">How many nodes; null: as asked for.</param>
/// <param name="Replicas">Replicas of a shard; null: as asked for, or by the seed.</param>
internal sealed record Cell(Scenario Scenario, int? Nodes = null, int? Replicas = null)
{
    /// <summary>What is added to the seed of the campaign.</summary>
    public int SeedOffset { get; init; }
}
