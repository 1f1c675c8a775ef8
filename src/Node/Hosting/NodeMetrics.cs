using System.Diagnostics.Metrics;
using KvRaft.Node.Answers;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Shards;
using KvRaft.Node.Telemetry;
using KvRaft.Raft.Groups;

namespace KvRaft.Node.Hosting;

/// <summary>The metrics of a node, under the meter <see cref="NodeMeter"/>; each value is read at collection.</summary>
internal sealed class NodeMetrics
{
    private readonly NodeOptions _options;
    private readonly ShardTable _shards;

    public NodeMetrics(
        NodeMeter node, NodeOptions options, ShardTable shards, Admission admission, AnswerBudget answers, AnswerSends sends, ReplicaRepairs repairs, RaftHost raft)
    {
        _options = options;
        _shards = shards;
        var meter = node.Meter;
        meter.CreateObservableGauge(
            "kvraft.ttl.purge.lag", PurgeLags, "ms", "By shard led here: how long ago the oldest value expired that is not purged yet; 0 if none is overdue.");
        meter.CreateObservableUpDownCounter("kvraft.requests.in_hand", () => Of(admission.Requests), "{request}", "Operations in progress, of all callers.");
        meter.CreateObservableUpDownCounter("kvraft.requests.in_hand.bytes", () => Of(admission.Bytes), "By", "Bytes of the operations in progress.");
        meter.CreateObservableCounter("kvraft.replica.damaged", () => Of(repairs.SetAside), "{replica}", "Replicas whose stored state was found damaged and set aside.");
        meter.CreateObservableCounter("kvraft.replica.differs", () => Of(raft.DigestMismatches), "{replica}", "Replicas here whose state was found to differ from that of the others.");
        meter.CreateObservableCounter("kvraft.requests.refused", () => Of(admission.Refused), "{request}", "Operations refused because too many were in progress.");
        meter.CreateObservableUpDownCounter("kvraft.answers.in_hand.bytes", () => Of(answers.Bytes), "By", "Bytes of values held for answers.");
        meter.CreateObservableCounter("kvraft.answers.refused", () => Of(answers.Refused), "{request}", "Answers refused because others filled the budget.");
        meter.CreateObservableCounter("kvraft.answers.stalled", () => Of(sends.Ended), "{answer}", "Answers ended because their clients did not read them.");
    }

    private Measurement<long> Of(long value) => new(value, new KeyValuePair<string, object?>("kvraft.node.id", _options.NodeId.Value));

    private IEnumerable<Measurement<long>> PurgeLags()
    {
        foreach (var replica in _shards.All.Where(static replica => replica.IsLeader))
        {
            yield return new Measurement<long>(
                Math.Max(0, replica.ClockMs - replica.Store.FirstExpiryMs),
                new("kvraft.node.id", _options.NodeId.Value),
                new("kvraft.shard.id", replica.Shard.Value));
        }
    }
}
