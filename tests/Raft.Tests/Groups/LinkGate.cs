using System.Collections.Concurrent;
using System.Net.Sockets;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>Cuts links between in-process nodes: new connections fail, existing ones break.</summary>
internal sealed class LinkGate : ILinkGate
{
    private readonly ConcurrentDictionary<(NodeId From, NodeId To), bool> _cut = new();
    private readonly ConcurrentQueue<(NodeId From, NodeId To, Socket Socket)> _open = new();
    private readonly ConcurrentDictionary<(NodeId From, NodeId To), int> _refused = new();

    public bool IsOpen(NodeId from, NodeId to)
    {
        if (!_cut.ContainsKey((from, to)))
        {
            return true;
        }

        _refused.AddOrUpdate((from, to), 1, static (_, count) => count + 1);
        return false;
    }

    /// <summary>How often the first of them tried to connect to the other and failed.</summary>
    public int Refused(NodeId from, NodeId to) => _refused.GetValueOrDefault((from, to));

    public void Opened(NodeId from, NodeId to, Socket socket)
    {
        _open.Enqueue((from, to, socket));
        if (!IsOpen(from, to))
        {
            socket.Dispose();
        }
    }

    /// <summary>No message passes between the node and any of the others, in either direction.</summary>
    public void Isolate(NodeId node, IEnumerable<NodeId> others)
    {
        foreach (var other in others.Where(other => other != node))
        {
            _cut[(node, other)] = true;
            _cut[(other, node)] = true;
        }

        foreach (var (from, to, socket) in _open)
        {
            if (!IsOpen(from, to))
            {
                socket.Dispose();
            }
        }
    }

    public void Heal() => _cut.Clear();
}
