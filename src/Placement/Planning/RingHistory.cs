using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>A replica that moved, or will move, to another node.</summary>
/// <param name="Shard">The shard.</param>
/// <param name="From">The node that held the replica.</param>
/// <param name="To">The node that holds it after the change.</param>
/// <param name="Epoch">The first epoch that contains the change; 0: the change is only planned.</param>
/// <param name="Cause">The reason, for people.</param>
public readonly record struct RingChange(ShardId Shard, NodeId From, NodeId To, Epoch Epoch, string Cause);

/// <summary>The changes of the shard map since an epoch, from the history of operators. Pure.</summary>
public static class RingHistory
{
    /// <summary>The first epoch after which the history contains every change of the map.</summary>
    public static Epoch Earliest(PlacementState state)
    {
        ArgumentNullException.ThrowIfNull(state);

        // A full history has discarded the entries before its first one. Entries without an epoch come from versions that did not record epochs.
        var history = state.Operations.History;
        var unknown = history.LastOrDefault(static ended => ended.Epoch.Value == 0) is not null;
        var known = history.FirstOrDefault(static ended => ended.Epoch.Value > 0);
        return unknown || history.Length >= PlacementLimits.HistoryMax ? known?.Epoch ?? state.Epoch : new Epoch(Math.Min(1, state.Epoch.Value));
    }

    /// <summary>The changes after one epoch, up to and including another, in order.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An epoch is before <see cref="Earliest"/> or after the current one.</exception>
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

    /// <summary>The nodes of each shard at an epoch: the current nodes with the later changes reverted.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The epoch is before <see cref="Earliest"/> or after the current one.</exception>
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
