using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>A replica that was, or shall be, on another node.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="From">Who had it.</param>
/// <param name="To">Who has it.</param>
/// <param name="Epoch">That holds the change; 0: it is only planned.</param>
/// <param name="Cause">Why, for people.</param>
public readonly record struct RingChange(ShardId Shard, NodeId From, NodeId To, Epoch Epoch, string Cause);

/// <summary>What became of the shard map since an epoch, as the record of operators tells it. Pure.</summary>
public static class RingHistory
{
    /// <summary>The first epoch from which on every change of the map is in the record.</summary>
    public static Epoch Earliest(PlacementState state)
    {
        ArgumentNullException.ThrowIfNull(state);

        // A full record has lost what was before its first line; lines without an epoch were written before epochs were.
        var history = state.Operations.History;
        var unknown = history.LastOrDefault(static ended => ended.Epoch.Value == 0) is not null;
        var known = history.FirstOrDefault(static ended => ended.Epoch.Value > 0);
        return unknown || history.Length >= PlacementLimits.HistoryMax ? known?.Epoch ?? state.Epoch : new Epoch(Math.Min(1, state.Epoch.Value));
    }

    /// <summary>The changes after one epoch, up to and with another, in their order.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Before <see cref="Earliest"/>, or after the present.</exception>
    public static ImmutableArray<RingChange> Between(PlacementState state, Epoch after, Epoch upTo)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentOutOfRangeException.ThrowIfLessThan(after.Value, Earliest(state).Value, nameof(after));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(upTo.Value, state.Epoch.Value, nameof(upTo));
        return
        [
            .. state.Operations.History
                .Where(ended => ended.End == OperatorEnd.Moved && ended.Epoch.Value > after.Value && ended.Epoch.Value <= upTo.Value)
                .OrderBy(static ended => ended.Epoch.Value)
                .Select(static ended => new RingChange(ended.Operator.Shard, ended.Operator.From, ended.Operator.To, ended.Epoch, ended.Operator.Cause)),
        ];
    }

    /// <summary>The nodes of each shard at an epoch: now, with the changes since taken back.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Before <see cref="Earliest"/>, or after the present.</exception>
    public static ImmutableArray<ImmutableArray<NodeId>> At(PlacementState state, Epoch epoch)
    {
        ArgumentNullException.ThrowIfNull(state);
        var shards = state.Map!.Shards.Select(static shard => shard.Replicas.Select(static replica => replica.Node).ToImmutableArray()).ToArray();
        foreach (var change in Between(state, epoch, state.Epoch).Reverse())
        {
            shards[change.Shard.Value] = shards[change.Shard.Value].Replace(change.To, change.From);
        }

        return [.. shards];
    }
}
