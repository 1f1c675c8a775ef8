using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Administration;

/// <summary>
/// Before a change of keyspaces is answered, every other node receives it, so that it is in force for the next call through any node: a
/// script that alters a keyspace by one process and writes by another depends on that. If a node does not answer, the call does not wait for it: it
/// receives the change when it is connected to the others again, as it does in any case. Thread-safe.
/// </summary>
internal sealed class KeyspaceSpread(NodeOptions options, ShardMapHolder map, PeerDirectory peers, DeadlineTokens tokens, TimeProvider time)
{
    /// <summary>
    /// A node that answers needs a round trip to the leader of group 0 and a quorum round, which is milliseconds; a change takes at most one second more
    /// while a node is silent.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Returns when all nodes that answer have received an epoch; a failure of a single node does not fail the call.</summary>
    /// <param name="name">The keyspace that was changed; it may be dropped by now.</param>
    /// <param name="epoch">The epoch of the change.</param>
    /// <param name="deadline">The deadline of the caller. The change is committed, so its end is no failure.</param>
    public Task WaitAsync(string name, long epoch, Deadline deadline)
    {
        var patience = Deadline.After(Patience, time);
        var end = patience.Timestamp < deadline.Timestamp ? patience : deadline;
        var request = new GetKeyspaceRequest { Name = name, KnownEpoch = epoch };
        return Task.WhenAll(map.Current.Nodes.Where(node => node.Id != options.NodeId).Select(node => TellAsync(node.Id, request, end)));
    }

    private Task TellAsync(NodeId node, GetKeyspaceRequest request, Deadline deadline) => peers.Find(node) is { } peer
        ? PeerCalls.CallAsync(call => peer.Keyspaces.GetAsync(request, call), isWrite: false, deadline, time, tokens.For(deadline))
        : Task.CompletedTask;
}
