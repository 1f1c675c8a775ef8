using System.Collections.Concurrent;
using KvRaft.Node.Options;
using KvRaft.Node.Security;
using KvRaft.Topology;

namespace KvRaft.Node.Cluster;

/// <summary>
/// The other nodes to which this one forwards; connections are opened at first use and kept. If a node moves to another address, it gets a
/// new connection, and the old one is closed once. Thread-safe.
/// </summary>
internal sealed class PeerDirectory(NodeOptions options, NodeProof proof, ShardMapHolder map) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<NodeId, Peer> _peers = new();

    /// <summary>Null if the node is not in the cluster.</summary>
    public Peer? Find(NodeId node)
    {
        if (AddressOf(node) is not { } address)
        {
            return null;
        }

        while (true)
        {
            if (_peers.TryGetValue(node, out var peer))
            {
                if (peer.Address == address)
                {
                    return peer;
                }

                if (_peers.TryRemove(new(node, peer)))
                {
                    _ = peer.DisposeAsync().AsTask();
                }
            }

            var fresh = new Peer(node, address, proof);
            if (_peers.TryAdd(node, fresh))
            {
                return fresh;
            }

            _ = fresh.DisposeAsync().AsTask();
        }
    }

    private string? AddressOf(NodeId node) => map.Current.AddressOf(node) is { } agreed && HostAndPort.TryParse(agreed, out var parsed)
        ? options.Surroundings.WayToServices(node, parsed).ToString()
        : null;

    public async ValueTask DisposeAsync()
    {
        foreach (var peer in _peers.Values)
        {
            await peer.DisposeAsync();
        }
    }
}
