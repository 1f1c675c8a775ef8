using System.Net.Sockets;
using KvRaft.Topology;

namespace KvRaft.Raft.Transport;

/// <summary>
/// How many connections the Raft port holds. Before a connection has introduced itself it costs a descriptor and proves nothing, so few of these are kept and the
/// oldest makes room for the newest: a party that opens connections and says nothing cannot keep nodes out. After that they are counted, in all and for each node.
/// Thread-safe.
/// </summary>
internal sealed class ConnectionRoom(int connectionsMax)
{
    /// <summary>Every group of every peer connects at start, so hundreds at once are ordinary; each takes milliseconds.</summary>
    private const int GreetingMax = 512;

    private readonly Lock _gate = new();
    private readonly LinkedList<Socket> _greeting = [];
    private readonly Dictionary<NodeId, int> _perNode = [];
    private readonly int _greetingMax = Math.Clamp(connectionsMax / 4, 4, GreetingMax);
    private int _count;

    /// <summary>Of one node: half of all, so that one that leaks connections leaves room for the others.</summary>
    public int PerNodeMax { get; } = Math.Max(1, connectionsMax / 2);

    public int ConnectionsMax => connectionsMax;

    /// <summary>Connections that have introduced themselves.</summary>
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

    /// <summary>A connection was accepted. The one that it displaces is closed.</summary>
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

    /// <summary>It has introduced itself, or never will.</summary>
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

    /// <summary>True: counted, until <see cref="Leave"/>.</summary>
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
