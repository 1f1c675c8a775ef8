using KvRaft.Chaos.Faults;

namespace KvRaft.Chaos.Matrix;

/// <summary>One cell of the matrix: a fault, or none, or all of them mixed, under a workload.</summary>
internal sealed record Scenario(string Fault, string Workload)
{
    public override string ToString() => $"{Fault}/{Workload}";

    /// <summary>The least number of nodes.</summary>
    public int NodesMin => Fault == FaultCatalog.Mixed ? 3 : Kinds.Select(static kind => kind.NodesMin).DefaultIfEmpty(3).Max();

    /// <summary>The least number of replicas of a shard.</summary>
    public int ReplicasMin => Fault == FaultCatalog.Mixed ? 1 : Kinds.Select(static kind => kind.ReplicasMin).DefaultIfEmpty(1).Max();

    /// <summary>The faults to draw from; empty for the control.</summary>
    public IReadOnlyList<FaultKind> Kinds => Fault switch
    {
        FaultCatalog.NoFault => [],
        FaultCatalog.Mixed => FaultCatalog.Mixable,
        _ => [FaultCatalog.Find(Fault) ?? throw new ArgumentException($"There is no fault '{Fault}'.")],
    };
}
