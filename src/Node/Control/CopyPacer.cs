using KvRaft.Node.Cluster;
using KvRaft.Placement.Planning;
using KvRaft.Raft.Groups;
using KvRaft.Topology;

namespace KvRaft.Node.Control;

/// <summary>
/// On the leader of group 0: the present limit of the copy rate of every node. It is computed after each round of status queries (<see cref="CopyPace"/>) and sent with the next one; a
/// node that receives no further rate keeps the last one. Thread-safe.
/// </summary>
internal sealed class CopyPacer(PlacementAgent placement, RaftHost raft)
{
    /// <summary>Writes of some seconds; with fewer, the slowest alone would be the 99th percentile.</summary>
    private const int WritesMin = 100;

    private volatile Pace? _pace;

    /// <summary>Bytes per second; 0: no value to send, because no node has answered yet.</summary>
    public long BytesPerSecond => _pace?.BytesPerSecond ?? 0;

    /// <summary>Why copies are slower than their budget, as text; null: they are not.</summary>
    public string? WhySlow => _pace is { } pace ? CopyPace.WhySlow(pace.BytesPerSecond, placement.State.Operations.Settings, pace.Worst) : null;

    /// <summary>Called by one loop.</summary>
    public void Look(IReadOnlyDictionary<NodeId, NodeReport> reports)
    {
        var settings = placement.State.Operations.Settings;
        TimeSpan? worst = reports.Values
            .Where(static report => report.Health == NodeHealthState.Up && report.Status?.Load?.Writes >= WritesMin)
            .Select(static report => (TimeSpan?)TimeSpan.FromMicroseconds(report.Status!.Load.WriteP99Us))
            .Max();
        var pace = placement.State.Moves.IsEmpty || _pace is null
            ? CopyPace.First(settings)
            : CopyPace.Next(_pace.BytesPerSecond, settings, worst);
        _pace = new Pace(pace, worst);
        raft.Copies.BytesPerSecond = pace;
    }

    /// <summary>Another node leads.</summary>
    public void Forget() => _pace = null;

    private sealed record Pace(long BytesPerSecond, TimeSpan? Worst);
}
