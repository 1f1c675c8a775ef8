using KvRaft.Node.Cluster;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Administration;

/// <summary>
/// Before a change of keyspaces is answered, every other node hears of it, so that it is in force for whoever calls next, through any node: a
/// script that alters a keyspace by one process and writes by another counts on that. A node that does not answer is not waited for: it
/// hears of the change once it is back among the others, as it always did. Thread-safe.
/// </summary>
internal sealed class KeyspaceSpread(NodeOptions options, ShardMapHolder map, PeerDirectory peers, DeadlineTokens tokens, TimeProvider time)
{
    /// <summary>
    /// What a node that answers needs is a round trip to the leader of group 0 and a quorum round, milliseconds; a second is what a change costs
    /// at most while a node is silent.
    /// </summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    /// <summary>Returns when all nodes that answer have heard of an epoch; failures of single nodes are theirs.</summary>
    /// <param name="name">The keyspace that was changed; it may be gone.</param>
    /// <param name="epoch">Of the change.</param>
    /// <param name="deadline">The caller's: the change is made, so its end is no failure.</param>
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
