using Grpc.Net.Client;
using KvRaft.Node.Security;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Cluster;

/// <summary>
/// Another node, seen from this one: one channel, and over it one long-lived pipe for single-key operations and ordinary calls for the
/// rest. Thread-safe.
/// </summary>
internal sealed class Peer : IAsyncDisposable
{
    /// <summary>50 ms: many times a local round trip.</summary>
    private static readonly TimeSpan ReconnectDelayMin = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// 500 ms: this node detects within that time that the other one returned, and two attempts a second are no load. With gRPC's own 120 s a node that was away
    /// for long would stay unreachable through the others after its return, even for the shards it leads.
    /// </summary>
    private static readonly TimeSpan ReconnectDelayMax = TimeSpan.FromMilliseconds(500);

    private readonly GrpcChannel _channel;

    /// <param name="node">The node.</param>
    /// <param name="address">The address of its services.</param>
    /// <param name="proof">Sent with every call.</param>
    public Peer(NodeId node, string address, NodeProof proof)
    {
        Node = node;
        Address = address;
        _channel = GrpcChannel.ForAddress("http://" + address, new GrpcChannelOptions
        {
            HttpHandler = new SocketsHttpHandler
            {
                // Below the shortest election: a node that takes longer to accept is replaced before it answers.
                ConnectTimeout = TimeSpan.FromMilliseconds(500),
                EnableMultipleHttp2Connections = true,
                KeepAlivePingDelay = TimeSpan.FromSeconds(5),
                KeepAlivePingTimeout = TimeSpan.FromSeconds(5),
                UseProxy = false,
            },
            DisposeHttpClient = true,
            InitialReconnectBackoff = ReconnectDelayMin,
            MaxReconnectBackoff = ReconnectDelayMax,
            MaxReceiveMessageSize = null,
            MaxSendMessageSize = null,
        });
        var calls = ProvingInterceptor.Over(_channel, proof.Towards(node));
        Kv = new Kv.KvClient(calls);
        Keyspaces = new Keyspaces.KeyspacesClient(calls);
        Moves = new Moves.MovesClient(calls);
        Admin = new Admin.AdminClient(calls);
        Nodes = new Nodes.NodesClient(calls);
        Plans = new Plans.PlansClient(calls);
        Operators = new Operators.OperatorsClient(calls);
        Schedulers = new Schedulers.SchedulersClient(calls);
        Ring = new Ring.RingClient(calls);
        EventualKv = new EventualKv.EventualKvClient(calls);
        EventualTrees = new EventualTrees.EventualTreesClient(calls);
        EventualPeers = new EventualPeers.EventualPeersClient(calls);
        Pipe = new PeerPipe(Kv, node);
    }

    public NodeId Node { get; }

    /// <summary><c>host:port</c>.</summary>
    public string Address { get; }

    public Kv.KvClient Kv { get; }

    public Keyspaces.KeyspacesClient Keyspaces { get; }

    public Moves.MovesClient Moves { get; }

    public Admin.AdminClient Admin { get; }

    public Nodes.NodesClient Nodes { get; }

    public Plans.PlansClient Plans { get; }

    public Operators.OperatorsClient Operators { get; }

    public Schedulers.SchedulersClient Schedulers { get; }

    public Ring.RingClient Ring { get; }

    public EventualKv.EventualKvClient EventualKv { get; }

    public EventualPeers.EventualPeersClient EventualPeers { get; }

    public EventualTrees.EventualTreesClient EventualTrees { get; }

    public PeerPipe Pipe { get; }

    public async ValueTask DisposeAsync()
    {
        await Pipe.DisposeAsync();
        _channel.Dispose();
    }
}
