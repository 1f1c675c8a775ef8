using KvRaft.Eventual.Quorum;
using KvRaft.Node.Cluster;
using KvRaft.Topology;

namespace KvRaft.Node.EventualKeys;

/// <summary>The ring of the nodes in a view that have a share (a node that only joined holds nothing yet), computed once for each set of nodes. Thread-safe.</summary>
internal sealed class PeerRings
{
    private volatile Made? _last;

    public PreferenceLists Of(RoutingView view)
    {
        var last = _last;
        if (last is not null && ReferenceEquals(last.View, view))
        {
            return last.Lists;
        }

        // Most views differ in a keyspace or a replica only; the ring, a sort of some thousand points for each node, is reused.
        var nodes = view.Owners.Select(static node => node.ToRingNode()).ToArray();
        var lists = last is not null && last.Lists.Ring.Nodes.AsSpan().SequenceEqual(nodes) ? last.Lists : new PreferenceLists(HashRing.Of(nodes));
        _last = new Made(view, lists);
        return lists;
    }

    private sealed record Made(RoutingView View, PreferenceLists Lists);
}
