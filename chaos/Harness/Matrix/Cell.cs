namespace KvRaft.Chaos.Matrix;

/// <summary>One run of a campaign: a scenario, and its cluster where the command line does not decide it.</summary>
/// <param name="Scenario">The fault and the workload.</param>
/// <param name="Nodes">The number of nodes; null: from the command line.</param>
/// <param name="Replicas">Replicas of a shard; null: from the command line, or by the seed.</param>
internal sealed record Cell(Scenario Scenario, int? Nodes = null, int? Replicas = null)
{
    /// <summary>What is added to the seed of the campaign.</summary>
    public int SeedOffset { get; init; }
}
