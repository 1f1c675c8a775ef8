using KvRaft.Eventual.Repair;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Node.Routing;
using KvRaft.V1;

namespace KvRaft.Node.Membership;

/// <summary>What this node has of eventual keys that others are to keep, and owes to others.</summary>
internal sealed class EventualLeftovers(EventualReplica replica, IKeyOwners owners, RepairLedger ledger, ShardMapHolder map, EventualRepairLoop loop)
{
    public EventualStatus Now()
    {
        // The plan first: what is counted then is counted under it or a later one.
        var plan = map.Current.Plan;
        var arcs = owners.Keyspaces.Sum(keyspace => replica.Trees.Roots(keyspace).Index()
            .Count(root => root.Item != 0 && owners.ListOf(keyspace, root.Index)?.Primaries.Contains(owners.Self) is false));
        var hints = replica.Hints.Backlogs().Sum(static backlog => (long)backlog.Count);
        return new EventualStatus
        {
            Plan = plan,
            ArcsToHandOver = arcs,
            Hints = hints,
            Note = arcs + hints == 0 ? "" : loop.IsPaused ? "comparison is paused there" : ledger.HandoverError,
        };
    }
}
