using KvRaft.Eventual.Repair;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Node.Cluster;
using KvRaft.Storage;
using KvRaft.V1;

namespace KvRaft.Node.EventualKeys;

/// <summary>The records of eventual keys on this node that other nodes should hold, and the hints that it has yet to deliver.</summary>
internal sealed class EventualLeftovers(EventualReplica replica, IReplicaHolders holders, RepairLedger ledger, ShardMapHolder map, EventualRepairLoop loop)
{
    public EventualStatus Now()
    {
        // The plan first: the count below is made under it or a later one.
        var (plan, health) = (map.Current.Plan, replica.Health);
        var response = new EventualStatus
        {
            Plan = plan,
            State = StateOf(health),
            Rebuilds = health.Rebuilds,
            RecordsSetAside = health.RecordsSetAside,
            TokenRangesIncomplete = Incomplete(),
        };
        try
        {
            Count(response);
        }
        catch (StorageException)
        {
            // Unknown until the store is open, and certainly not zero.
            (response.TokenRangesToHandOver, response.Note) = (1, "its store is not open");
        }

        return response;
    }

    private static string StateOf(StoreHealth health) => health.Outage switch
    {
        null => "serving",
        { Kind: OutageKind.NoRoom } full => $"full: {full.Reason}",
        { Kind: OutageKind.Refused } refused => $"refused: {refused.Reason}",
        { } damaged => $"rebuilding: {damaged.Reason}",
    };

    /// <summary>Token ranges held here in which this node's answers do not count.</summary>
    private int Incomplete() => holders.Keyspaces.Sum(keyspace => holders.TenureOf(keyspace) is not { } tenure ? 0 : Enumerable.Range(0, LeafPlace.TokenRanges)
        .Count(range => holders.ListOf(keyspace, range)?.Primaries.Contains(holders.Self) is true && !replica.Tenures.IsWhole(keyspace, range, tenure)));

    private void Count(EventualStatus response)
    {
        var ranges = holders.Keyspaces.Sum(keyspace => replica.Trees.Roots(keyspace).Index()
            .Count(root => root.Item != 0 && holders.ListOf(keyspace, root.Index)?.Primaries.Contains(holders.Self) is false));
        var hints = replica.Hints.Backlogs().Sum(static backlog => (long)backlog.Count);
        (response.TokenRangesToHandOver, response.Hints) = (ranges, hints);
        response.Note = ranges + hints == 0 ? "" : loop.IsPaused ? "comparison is paused on that node" : ledger.HandoverError;
    }
}
