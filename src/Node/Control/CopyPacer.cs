using KvRaft.Node.Cluster;
using KvRaft.Placement.Planning;
using KvRaft.Raft.Groups;
using KvRaft.Topology;

namespace KvRaft.Node.Control;

/// <summary>
/// On the leader of group 0: how fast every node may copy just now. Decided after each round of questions (<see cref="CopyPace"/>), told with the next one; a
/// node that hears nothing more keeps to the last word. Thread-safe.
/// </summary>
internal sealed class CopyPacer(PlacementAgent placement, RaftHost raft)
{
    /// <summary>Writes of some seconds; of fewer, the slowest alone would be the 99th percentile.</summary>
    private const int WritesMin = 100;

    private volatile Pace? _pace;

    /// <summary>Bytes per second; 0: nothing to say, because nobody has been heard yet.</summary>
    public long BytesPerSecond => _pace?.BytesPerSecond ?? 0;

    /// <summary>Why copies are slower than their budget, in words; null: they are not.</summary>
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

    /// <summary>Somebody else leads.</summary>
    public void Forget() => _pace = null;

    private sealed record Pace(long BytesPerSecond, TimeSpan? Worst);
}
