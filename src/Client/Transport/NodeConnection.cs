using Grpc.Net.Client;
using KvRaft.V1;

namespace KvRaft.Client.Transport;

/// <summary>
/// The connection to one node: a channel, its stubs, and the open pipes. A pipe is opened on first use, and again after it broke. Thread-safe.
/// </summary>
internal sealed class NodeConnection : IAsyncDisposable
{
    private readonly KvClientOptions _options;
    private readonly GrpcChannel _channel;
    private readonly PipeStream?[] _pipes;
    private readonly Lock _lock = new();
    private int _turn;
    private bool _closed;
    private volatile bool _hasConnected;

    public NodeConnection(string endpoint, KvClientOptions options)
    {
        Endpoint = endpoint;
        _options = options;
        _channel = ChannelFactory.Create(endpoint, options, () => _hasConnected = true);
        _pipes = new PipeStream?[options.PipesPerNode];
        Kv = new Kv.KvClient(_channel);
        Routing = new V1.Routing.RoutingClient(_channel);
        Keyspaces = new V1.Keyspaces.KeyspacesClient(_channel);
        Admin = new Admin.AdminClient(_channel);
        Moves = new Moves.MovesClient(_channel);
        Nodes = new Nodes.NodesClient(_channel);
        Plans = new Plans.PlansClient(_channel);
        Operators = new Operators.OperatorsClient(_channel);
        Schedulers = new Schedulers.SchedulersClient(_channel);
        Ring = new Ring.RingClient(_channel);
        EventualKv = new EventualKv.EventualKvClient(_channel);
        EventualRepair = new EventualRepair.EventualRepairClient(_channel);
    }

    public string Endpoint { get; }

    /// <summary>
    /// There has been a connection to the node. While there has been none, the node cannot have received a request, even if its deadline ended while the
    /// connection was still being opened.
    /// </summary>
    public bool HasConnected => _hasConnected;

    public Kv.KvClient Kv { get; }

    public V1.Routing.RoutingClient Routing { get; }

    public V1.Keyspaces.KeyspacesClient Keyspaces { get; }

    public Admin.AdminClient Admin { get; }

    public Moves.MovesClient Moves { get; }

    public Nodes.NodesClient Nodes { get; }

    public Plans.PlansClient Plans { get; }

    public Operators.OperatorsClient Operators { get; }

    public Schedulers.SchedulersClient Schedulers { get; }

    public Ring.RingClient Ring { get; }

    public EventualKv.EventualKvClient EventualKv { get; }

    public EventualRepair.EventualRepairClient EventualRepair { get; }

    /// <exception cref="ObjectDisposedException">The client was closed.</exception>
    public PipeStream Pipe()
    {
        var slot = (int)((uint)Interlocked.Increment(ref _turn) % (uint)_pipes.Length);
        return Volatile.Read(ref _pipes[slot]) is { IsBroken: false } open ? open : Reopen(slot);
    }

    /// <summary>Calls that wait for an answer, over all pipes.</summary>
    public int InFlight => _pipes.Sum(static pipe => pipe?.InFlight ?? 0);

    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _closed = true;
        }

        foreach (var pipe in _pipes)
        {
            if (pipe is not null)
            {
                await pipe.DisposeAsync().ConfigureAwait(false);
            }
        }

        _channel.Dispose();
    }

    /// <summary>Callers hold a client and no connection, so the client is what the exception names.</summary>
    public static ObjectDisposedException ClientClosed() => new("KvRaft.Client.KvClient");

    private PipeStream Reopen(int slot)
    {
        lock (_lock)
        {
            if (_closed)
            {
                throw ClientClosed();
            }

            if (_pipes[slot] is { IsBroken: false } open)
            {
                return open;
            }

            // The broken pipe has ended all its calls, and its loops end on their own.
            var fresh = new PipeStream(Kv, _options, () => _hasConnected);
            Volatile.Write(ref _pipes[slot], fresh);
            return fresh;
        }
    }
}
