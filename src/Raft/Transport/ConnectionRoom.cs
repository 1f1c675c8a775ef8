using System.Net.Sockets;
using KvRaft.Topology;

namespace KvRaft.Raft.Transport;

/// <summary>
/// Limits the connections on the Raft port. Before its handshake a connection costs a descriptor and proves nothing. So few of these are kept, and the
/// newest displaces the oldest: a party that opens connections and sends nothing cannot keep nodes out. After the handshake, connections are counted, in total and per node.
/// Thread-safe.
/// </summary>
internal sealed class ConnectionRoom(int connectionsMax)
{
    /// <summary>Every group of every peer connects at start, so hundreds at once are normal; each takes milliseconds.</summary>
    private const int GreetingMax = 512;

    private readonly Lock _gate = new();
    private readonly LinkedList<Socket> _greeting = [];
    private readonly Dictionary<NodeId, int> _perNode = [];
    private readonly int _greetingMax = Math.Clamp(connectionsMax / 4, 4, GreetingMax);
    private int _count;

    /// <summary>Maximum connections of one node: half of all, so that a node that leaks connections leaves capacity for the others.</summary>
    public int PerNodeMax { get; } = Math.Max(1, connectionsMax / 2);

    public int ConnectionsMax => connectionsMax;

    /// <summary>Connections after their handshake.</summary>
    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _count;
            }
        }
    }

    /// <summary>A connection was accepted. The displaced connection is closed.</summary>
    public LinkedListNode<Socket> Greet(Socket socket)
    {
        Socket? displaced = null;
        LinkedListNode<Socket> place;
        lock (_gate)
        {
            if (_greeting.Count >= _greetingMax)
            {
                displaced = _greeting.First!.Value;
                _greeting.RemoveFirst();
            }

            place = _greeting.AddLast(socket);
        }

        displaced?.Dispose();
        return place;
    }

    /// <summary>The handshake of the connection has ended, with or without success.</summary>
    public void Greeted(LinkedListNode<Socket> place)
    {
        lock (_gate)
        {
            if (place.List is not null)
            {
                _greeting.Remove(place);
            }
        }
    }

    public bool HasRoomFor(NodeId node)
    {
        lock (_gate)
        {
            return HasRoom(node);
        }
    }

    /// <summary>True: the connection is counted, until <see cref="Leave"/>.</summary>
    public bool TryEnter(NodeId node)
    {
        lock (_gate)
        {
            if (!HasRoom(node))
            {
                return false;
            }

            _count++;
            _perNode[node] = _perNode.GetValueOrDefault(node) + 1;
            return true;
        }
    }

    public void Leave(NodeId node)
    {
        lock (_gate)
        {
            _count--;
            if (--_perNode[node] == 0)
            {
                _perNode.Remove(node);
            }
        }
    }

    private bool HasRoom(NodeId node) => _count < connectionsMax && _perNode.GetValueOrDefault(node) < PerNodeMax;
}
