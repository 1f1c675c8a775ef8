using System.Diagnostics.Metrics;
using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Repair;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Trees;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;

namespace KvRaft.Node.EventualKeys;

/// <summary>The metrics of a node's copies of eventual keys; each value is read at collection.</summary>
internal sealed class EventualMetrics
{
    private readonly NodeOptions _options;
    private readonly EventualReplica _replica;
    private readonly RepairLedger _ledger;
    private readonly IReplicaHolders _holders;

    public EventualMetrics(NodeMeter node, NodeOptions options, EventualReplica replica, GetCoordinator gets, RepairLedger ledger, IReplicaHolders holders)
    {
        (_options, _replica, _ledger, _holders) = (options, replica, ledger, holders);
        var meter = node.Meter;
        meter.CreateObservableUpDownCounter("kvraft.eventual.hints.bytes", () => Of(replica.Hints.ByteCount), "By", "Memory of the hints.");
        meter.CreateObservableGauge("kvraft.eventual.hints", Hints, "{key}", "Keys with a hint, by the node that the hint is for.");
        meter.CreateObservableCounter("kvraft.eventual.hints.dropped", () => Of(replica.Hints.DroppedCount), "{key}", "Hints dropped for lack of memory or for their age.");
        meter.CreateObservableUpDownCounter("kvraft.eventual.siblings.keys", () => Of(replica.Crowded.Several), "{key}", "Keys that hold more than one value.");
        meter.CreateObservableUpDownCounter(
            "kvraft.eventual.siblings.warning", () => Of(replica.Crowded.Warned), "{key}", $"Keys that hold {CrowdedKeys.SiblingsWarning} values or more: a client writes without reading.");
        meter.CreateObservableCounter("kvraft.eventual.read_repairs", () => Of(gets.RepairedCount), "{key}", "States sent to replicas that a read found behind.");
        meter.CreateObservableCounter("kvraft.eventual.read_repairs.skipped", () => Of(gets.RepairsSkippedCount), "{key}", "Read repairs left to comparison, because too many were in progress.");
        meter.CreateObservableCounter("kvraft.eventual.repaired", Repaired, "{key}", "Keys repaired by comparison, by token range.");
        meter.CreateObservableCounter("kvraft.eventual.strays", () => Of(ledger.StraysHandedOver), "{key}", "Records handed to replica holders by nodes that are none.");
        meter.CreateObservableCounter("kvraft.eventual.damaged", () => Of(replica.Health.Rebuilds), "{store}", "Times the eventual store was found damaged, set aside and rebuilt.");
        meter.CreateObservableCounter("kvraft.eventual.damaged.records", () => Of(replica.Health.RecordsSetAside), "{record}", "Records that could not be decoded and were set aside.");
        meter.CreateObservableCounter("kvraft.eventual.tombstones.removed", () => Of(ledger.TombstonesRemoved), "{key}", "Tombstones removed after every node had confirmed them.");
    }

    private Measurement<long> Of(long value) => new(value, Node);

    private KeyValuePair<string, object?> Node => new("kvraft.node.id", _options.NodeId.Value);

    private IEnumerable<Measurement<long>> Hints() =>
        _replica.Hints.Backlogs().Select(backlog => new Measurement<long>(backlog.Count, Node, new("kvraft.peer.id", backlog.Node.Value)));

    // Only token ranges with a value to report: there are 256 of each keyspace.
    private IEnumerable<Measurement<long>> Repaired() =>
        from keyspace in _holders.Keyspaces
        from range in Enumerable.Range(0, LeafPlace.TokenRanges)
        let repaired = _ledger.Of(keyspace, range).KeysRepaired
        where repaired > 0
        select new Measurement<long>(repaired, Node, new("kvraft.keyspace.id", (long)keyspace.Value), new("kvraft.token_range", range));
}
