using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Planning;

/// <summary>
/// Computes the moves from the current placement and the requested changes. The ring of the changed nodes defines where replicas belong
/// (<see cref="ShardAssignment"/>, which keeps as many replicas in place as its rules allow); the moves are the difference. A pure function: the same
/// state and facts give the same plan on every machine, and after a plan is complete the next plan is empty.
/// <para>
/// The order of the moves makes every prefix useful. Replicas of nodes that are away are replaced first; then the receiving nodes take turns, so a
/// plan that stops in the middle has spread the moved replicas. Within a shard, a replica is replaced by one in the same zone if possible, so that no
/// zone holds two replicas during the moves.
/// </para>
/// </summary>
public static class Planner
{
    /// <summary>The plan for the changes, or the reason why they are refused.</summary>
    public static (Plan? Plan, PlacementRefused? Refused) Make(PlacementState state, ImmutableArray<TopologyChange> changes, ClusterFacts facts)
    {
        ArgumentNullException.ThrowIfNull(state);
        ArgumentNullException.ThrowIfNull(facts);
        if (state.Map is not { } map)
        {
            return (null, new PlacementRefused(PlacementRefusal.NotInitialized, "the cluster is not initialized yet"));
        }

        var (nodes, refused) = TopologyChanges.Apply(state.Nodes, map.ReplicationFactor, changes);
        if (refused is not null)
        {
            return (null, refused);
        }

        var owners = nodes.Where(static node => node.IsOwner).ToImmutableArray();
        if (owners.Length < map.ReplicationFactor)
        {
            return (null, new PlacementRefused(
                PlacementRefusal.TooFewNodes, $"{owners.Length} nodes cannot hold {map.ReplicationFactor} replicas of each shard"));
        }

        var now = ShardAssignment.Of(map);
        var target = ShardAssignment.Of(HashRing.Of(owners, map.HashSeed), map.ReplicationFactor, now);
        var zones = nodes.ToDictionary(static node => node.Id, static node => node.Zone.Length > 0 ? "zone " + node.Zone : "node " + node.Id);
        var moves = Order(Difference(now, target, zones), facts.Away);
        return (new Plan
        {
            Base = state.Epoch,
            Changes = changes,
            Nodes = nodes,
            Moves = moves,
            Shares = Shares(nodes, now, target),
            Tolerance = ToleranceOf(now, target, moves, facts.Away, zones),
            Bytes = BytesOf(moves, facts),
            Warnings = [.. Warnings(nodes, owners, map, moves, facts)],
        }, null);
    }

    private static List<PlannedMove> Difference(ShardAssignment now, ShardAssignment target, Dictionary<NodeId, string> zones)
    {
        var moves = new List<PlannedMove>();
        for (var number = 0; number < now.ShardCount; number++)
        {
            var shard = new ShardId(number);
            var going = now[shard].Except(target[shard]).ToList();
            var coming = target[shard].Except(now[shard]).ToList();
            foreach (var to in coming)
            {
                var from = going.FirstOrDefault(each => zones.GetValueOrDefault(each) == zones.GetValueOrDefault(to), going[0]);
                going.Remove(from);
                moves.Add(new PlannedMove(shard, from, to));
            }
        }

        return moves;
    }

    private static ImmutableArray<PlannedMove> Order(List<PlannedMove> moves, ImmutableHashSet<NodeId> away)
    {
        var turns = new Dictionary<NodeId, int>();
        return
        [
            .. moves
                .Select(move => (Move: move, Turn: turns[move.To] = turns.GetValueOrDefault(move.To) + 1))
                .OrderBy(each => away.Contains(each.Move.From) ? 0 : 1)
                .ThenBy(static each => each.Turn)
                .ThenBy(static each => each.Move.To)
                .Select(static each => each.Move),
        ];
    }

    private static ImmutableArray<NodeShares> Shares(ImmutableArray<NodeDescriptor> nodes, ShardAssignment now, ShardAssignment target)
    {
        var (before, after) = (Count(now), Count(target));
        return [.. nodes.Select(node => new NodeShares(node.Id, before.GetValueOrDefault(node.Id), after.GetValueOrDefault(node.Id)))];

        static Dictionary<NodeId, int> Count(ShardAssignment assignment) =>
            assignment.Shards.SelectMany(static nodes => nodes).CountBy(static node => node).ToDictionary();
    }

    private static Tolerance ToleranceOf(
        ShardAssignment now, ShardAssignment target, ImmutableArray<PlannedMove> moves, ImmutableHashSet<NodeId> away, Dictionary<NodeId, string> zones)
    {
        var before = now.Shards.Min(nodes => Spare(nodes, away));
        var after = target.Shards.Min(nodes => Spare(nodes, away));
        var during = Math.Min(before, after);
        foreach (var moved in moves.GroupBy(static move => move.Shard))
        {
            var voters = now[moved.Key];
            foreach (var move in moved)
            {
                during = Math.Min(during, Spare(voters.Add(move.To), away));
                voters = voters.Replace(move.From, move.To);
                during = Math.Min(during, Spare(voters, away));
            }
        }

        return new Tolerance(before, during, after, ZonesSpare(now), ZonesSpare(target));

        bool ZonesSpare(ShardAssignment assignment) => assignment.Shards.All(nodes => nodes
            .Select(node => zones.GetValueOrDefault(node))
            .Distinct()
            .All(lost => nodes.Count(node => !away.Contains(node) && zones.GetValueOrDefault(node) != lost) >= Majority(nodes.Length)));
    }

    private static int Spare(ImmutableArray<NodeId> voters, ImmutableHashSet<NodeId> away) =>
        voters.Count(node => !away.Contains(node)) - Majority(voters.Length);

    private static int Majority(int voters) => (voters / 2) + 1;

    private static long? BytesOf(ImmutableArray<PlannedMove> moves, ClusterFacts facts)
    {
        var sizes = moves.Select(move => facts.ShardBytes.GetValueOrDefault(move.Shard)).ToArray();
        return moves.IsEmpty || sizes.Any(static size => size > 0) ? sizes.Sum() : null;
    }

    private static IEnumerable<string> Warnings(
        ImmutableArray<NodeDescriptor> nodes, ImmutableArray<NodeDescriptor> owners, ShardMap map, ImmutableArray<PlannedMove> moves, ClusterFacts facts)
    {
        foreach (var node in nodes.Where(node => facts.Away.Contains(node.Id)))
        {
            yield return moves.Any(move => move.To == node.Id)
                ? $"{node.Id} does not answer; its new replicas wait until it does"
                : $"{node.Id} does not answer";
        }

        if (owners.Any(static node => node.Zone.Length > 0)
            && owners.Select(static node => node.Zone.Length > 0 ? node.Zone : $"({node.Id})").Distinct().Count() is var zones && zones < map.ReplicationFactor)
        {
            yield return $"{zones} zones for {map.ReplicationFactor} replicas: some shards have two in one zone";
        }

        foreach (var coming in moves.GroupBy(static move => move.To))
        {
            var bytes = coming.Sum(move => facts.ShardBytes.GetValueOrDefault(move.Shard));
            if (facts.FreeBytes.TryGetValue(coming.Key, out var free) && bytes > free)
            {
                yield return FormattableString.Invariant($"{coming.Key} has {free} bytes free and would receive {bytes}");
            }
        }

        if (owners.Length == map.ReplicationFactor)
        {
            yield return $"every node holds every shard: no node can take the place of a lost one";
        }
    }
}
