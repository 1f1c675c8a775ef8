using System.Collections.Immutable;
using KvRaft.Node.Control;
using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Administration;

/// <summary>Translates the ring to messages of the wire. Pure.</summary>
internal static class RingWire
{
    public static RingInfo Show(PlacementSight sight)
    {
        var map = sight.State.Map!;
        var info = new RingInfo
        {
            Epoch = sight.State.Epoch.Value,
            ShardCount = map.ShardCount,
            ReplicationFactor = map.ReplicationFactor,
            HashSeed = map.HashSeed,
            EarliestEpoch = RingHistory.Earliest(sight.State).Value,
        };
        var led = LeadershipDuty.Led(sight);
        var leaders = led.ToDictionary(static shard => shard.Shard, static shard => shard.Leader);
        info.Nodes.Add(Nodes(sight, map, led));
        info.Shards.Add(map.Shards.Select(shard =>
        {
            var wire = new RingShard
            {
                Shard = shard.Id.Value,
                FirstToken = shard.Range.Start.Value,
                LastToken = unchecked(shard.Range.End.Value - 1),
                Leader = leaders.GetValueOrDefault(shard.Id).Value ?? "",
            };
            wire.Nodes.Add(shard.Replicas.Select(static replica => replica.Node.Value));
            return wire;
        }));
        return info;
    }

    /// <summary>What a plan would change.</summary>
    public static RingDiff Diff(Plan plan)
    {
        var diff = new RingDiff { FromEpoch = plan.Base.Value };
        var cause = string.Join(", ", plan.Changes);
        diff.Moves.Add(plan.Moves.Select(move => ToWire(new RingChange(move.Shard, move.From, move.To, default, cause))));
        diff.Shares.Add(plan.Shares.Where(static share => share.Before != share.After)
            .Select(static share => new RingShare { NodeId = share.Node.Value, Before = share.Before, After = share.After }));
        return diff;
    }

    /// <summary>The changes from one epoch to another, both within the record.</summary>
    public static RingDiff Diff(PlacementState state, Epoch from, Epoch to)
    {
        var diff = new RingDiff { FromEpoch = from.Value, ToEpoch = to.Value };
        diff.Moves.Add(RingHistory.Between(state, from, to).Select(ToWire));
        var (before, after) = (Count(RingHistory.At(state, from)), Count(RingHistory.At(state, to)));
        diff.Shares.Add(before.Keys.Union(after.Keys).Order()
            .Select(node => new RingShare { NodeId = node.Value, Before = before.GetValueOrDefault(node), After = after.GetValueOrDefault(node) })
            .Where(static share => share.Before != share.After));
        return diff;
    }

    private static RingMove ToWire(RingChange change) => new()
    {
        Shard = change.Shard.Value,
        FromNode = change.From.Value,
        ToNode = change.To.Value,
        Epoch = change.Epoch.Value,
        Cause = change.Cause,
    };

    private static Dictionary<NodeId, int> Count(ImmutableArray<ImmutableArray<NodeId>> shards) =>
        shards.SelectMany(static nodes => nodes).CountBy(static node => node).ToDictionary();

    private static IEnumerable<RingNodeInfo> Nodes(PlacementSight sight, ShardMap map, List<LedShard> led)
    {
        var owners = sight.State.Nodes.Where(static node => node.IsOwner).ToArray();
        var ring = HashRing.Of(owners, map.HashSeed);
        var points = ring.VirtualNodes.CountBy(static point => point.Node).ToDictionary();
        var shares = ring.Shares();
        var fairShards = ShardAssignment.FairShares(ring, map.ShardCount, map.ReplicationFactor);
        var total = owners.Sum(static node => node.Weight);
        var fair = LeaderBalance.FairShares(led, owners.ToDictionary(static node => node.Id, static node => node.Weight));
        return ring.Nodes.Select((point, index) => new RingNodeInfo
        {
            NodeId = point.Id.Value,
            Zone = point.Zone,
            Weight = point.Weight,
            VirtualNodes = points[point.Id],
            Share = point.Weight / total,
            Owns = shares[index],
            Shards = map.ShardsOn(point.Id).Count(),
            FairShards = fairShards[index],
            Leaders = led.Count(shard => shard.Leader == point.Id),
            FairLeaders = fair.GetValueOrDefault(point.Id),
        });
    }
}
