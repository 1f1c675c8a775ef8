using System.Net;
using KvRaft.Node.Options;

namespace KvRaft.TestKit;

/// <summary>
/// The relays of a cluster: from each node to the replicas and services of each other, and from clients to each node. A node may also connect to
/// itself, which no fault prevents.
/// </summary>
internal sealed class Ways : IAsyncDisposable
{
    private readonly Dictionary<(int From, int To), (Relay Raft, Relay Services)> _between = [];
    private readonly List<TestNode> _nodes;

    public Ways(List<TestNode> nodes)
    {
        _nodes = nodes;
        foreach (var to in nodes)
        {
            to.Front = new Relay(() => to.PublicTarget);
            foreach (var from in nodes)
            {
                _between[(from.Index, to.Index)] = (new Relay(() => to.RaftTarget), new Relay(() => to.PublicTarget));
            }
        }
    }

    /// <summary>The environment of a node.</summary>
    public Surroundings Of(TestNode node) => new()
    {
        Time = node.Clock,
        WayToRaft = (to, address) => Way(node, to.Value) is { } way ? Local(way.Raft) : address,
        WayToServices = (to, address) => Way(node, to.Value) is { } way ? Local(way.Services) : address,
    };

    public IEnumerable<Relay> Between(TestNode one, TestNode other) =>
        one == other ? [] : new[] { (one.Index, other.Index), (other.Index, one.Index) }.SelectMany(pair => new[] { _between[pair].Raft, _between[pair].Services });

    /// <summary>All relays to and from a node, optionally including that of its clients.</summary>
    public IEnumerable<Relay> Of(TestNode node, bool withClients) =>
        _nodes.SelectMany(other => Between(node, other)).Concat(withClients ? [node.Front!] : []);

    public IEnumerable<Relay> All => _between.Values.SelectMany(static way => new[] { way.Raft, way.Services }).Concat(_nodes.Select(static node => node.Front!));

    public async ValueTask DisposeAsync()
    {
        foreach (var relay in All)
        {
            await relay.DisposeAsync();
        }
    }

    private static HostAndPort Local(Relay relay) => new(IPAddress.Loopback.ToString(), relay.Port);

    private (Relay Raft, Relay Services)? Way(TestNode from, string to) =>
        _nodes.Find(node => node.Id == to) is { } known && _between.TryGetValue((from.Index, known.Index), out var way) ? way : null;
}
