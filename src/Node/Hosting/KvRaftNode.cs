using System.Net;
using System.Net.Sockets;
using KvRaft.Eventual.Replicas;
using KvRaft.Node.Answers;
using KvRaft.Node.Bodies;
using KvRaft.Node.Cluster;
using KvRaft.Node.EventualKeys;
using KvRaft.Node.Http;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Security;
using KvRaft.Node.Shards;
using KvRaft.Node.Telemetry;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Security;
using KvRaft.Storage.Engine;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;

namespace KvRaft.Node.Hosting;

/// <summary>
/// One complete running node: used once by <c>kvraft node</c>, three times by <c>kvraft dev</c>, and by tests in process.
/// <para>
/// The order of a start: the node claims the data directory and queries the cluster whether it accepts this node (<see cref="NodeEntrance"/>), opens its log (<see cref="RaftHost"/>), joins group 0
/// (<see cref="PlacementAgent"/>) and opens the copies of eventual keys (<see cref="EventualComponent"/>). Then the web host runs everything else: the services that clients call, and the loops that
/// follow the shard map (<see cref="ShardHost"/>), advance the time of idle shards (<see cref="DueTicker"/>) and watch the disk
/// (<see cref="DiskGuard"/>). A stop has the opposite order: first the node refuses new calls, then calls in progress end, then replicas
/// flush and close, and the log is the last.
/// </para>
/// </summary>
internal sealed class KvRaftNode : IAsyncDisposable
{
    private readonly Stack<Func<ValueTask>> _undo = new();
    private readonly ILogger _logger;
    private WebApplication? _app;

    /// <summary>Each faults when a write or sync failed, and does not complete otherwise.</summary>
    private Task[] _disk = [];

    private KvRaftNode(NodeOptions options, ILoggerFactory loggers)
    {
        Options = options;
        _logger = loggers.CreateLogger<KvRaftNode>();
    }

    public NodeOptions Options { get; private set; }

    /// <summary>The address on which the services listen; the real port if the options have 0.</summary>
    public IPEndPoint PublicEndPoint { get; private set; } = null!;

    /// <summary>The address of JSON over HTTP/1.1; null if the options have none.</summary>
    public IPEndPoint? HttpEndPoint { get; private set; }

    /// <summary>Faults when the node cannot continue; the process must end with a code that is not zero.</summary>
    public Task Failure => Service<NodeFailure>().Happened;

    /// <summary>A write or sync of its data disk failed: nothing may be written to it any more, not even to close the node.</summary>
    public bool HasDiskFailed => _disk.Any(static store => store.IsFaulted);

    /// <summary>Completes when a write or sync of its data disk failed, also while the node stops.</summary>
    public Task DiskFailed => Task.WhenAny(_disk);

    /// <summary>For tests and the development cluster: a component of the node.</summary>
    public T Service<T>()
        where T : notnull => _app!.Services.GetRequiredService<T>();

    /// <summary>Starts a node. Returns when it listens; shards elect their leaders after that (<see cref="WhenReadyAsync"/>).</summary>
    /// <param name="options">Checked here once more.</param>
    /// <param name="engines">Shared by all nodes of the process; the caller disposes it.</param>
    /// <param name="loggers">The caller disposes it.</param>
    /// <param name="cancellationToken">Cancels the start.</param>
    /// <exception cref="InvalidOptionsException">The options break a rule.</exception>
    /// <exception cref="NodeStartException">The node could not start; nothing was changed or lost.</exception>
    public static async Task<KvRaftNode> StartAsync(
        NodeOptions options, IEngineFactory engines, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        NodeOptionsValidator.Demand(options);
        var bounded = new BoundedLoggers(loggers, options.Surroundings.Time);
        var node = new KvRaftNode(options, bounded);
        try
        {
            await node.StartAsync(engines, bounded, cancellationToken);
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    private async Task StartAsync(IEngineFactory engines, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var authentication = ClusterSecretFile.Authentication(Options);
        var proof = NodeProof.Of(Options, authentication);
        var directory = DataDirectory.Hold(Options.DataDirectory);
        _undo.Push(directory.DisposeAsync);
        (Options, var membership) = await new NodeEntrance(Options, proof, directory, _logger).PassAsync(cancellationToken);
        _logger.NodeStarts(Options.NodeId, Options.ClusterName, Options.ClusterId, directory.Path);
        Tell(authentication);
        var connections = ConnectionLimits.Of(Options);
        _logger.ConnectionLimits(Options.NodeId, connections.PublicMax, connections.PerAddressMax, connections.RaftMax, connections.Descriptors);

        var map = new ShardMapHolder();
        var level = new DiskLevel();
        var raft = await RaftComponent.StartAsync(Options, membership, map, level, authentication, connections, loggers, cancellationToken);
        _undo.Push(raft.DisposeAsync);
        var placement = await PlacementAgent.JoinAsync(Options, membership, raft, map, _logger, cancellationToken);

        var eventual = EventualComponent.Open(Options, engines, level, new ClusterTimeProvider(raft, Options.Surroundings.Time));
        _undo.Push(eventual.DisposeAsync);
        _disk = [raft.Failure, eventual.Failure];

        _app = Build(engines, loggers, membership, map, level, proof, connections, raft, placement, eventual);
        _undo.Push(_app.DisposeAsync);

        // Also if it does not start: its loops begin before it listens, and one of them may be opening replicas.
        _undo.Push(() => new ValueTask(_app.StopAsync(CancellationToken.None)));
        await ListenAsync(_app, cancellationToken);
        (PublicEndPoint, HttpEndPoint) = ListensOn(_app);
        _logger.NodeServes(Options.NodeId, PublicEndPoint.ToString(), raft.ListenEndPoint.ToString());
    }

    /// <summary>
    /// A host without defaults. The defaults read <c>appsettings.json</c> and variables such as <c>ASPNETCORE_URLS</c>, which are no settings of a node, and watch
    /// the working directory with everything below it for changes: with a data directory there, each write of the node costs events of that watch.
    /// </summary>
    private static WebApplicationBuilder EmptyBuilder()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions
        {
            ApplicationName = "kvraft",
            ContentRootPath = AppContext.BaseDirectory,
            EnvironmentName = Environments.Production,
        });
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRouting();
        return builder;
    }

    private WebApplication Build(
        IEngineFactory engines, ILoggerFactory loggers, MembershipFile membership, ShardMapHolder map, DiskLevel level, NodeProof proof, ConnectionLimits connections,
        RaftHost raft, PlacementAgent placement, EventualReplica eventual)
    {
        var builder = EmptyBuilder();
        builder.Services
            .AddNode(Options, membership, level, loggers)
            .AddCallers(proof, connections)
            .AddRaftComponent(raft)
            .AddPlacementComponent(placement)
            .AddShards(engines)
            .AddEventualComponent(eventual, Options)
            .AddRequestRouting(map)
            .AddOperations()
            .AddGrpcServices(Options.Limits)
            .AddHealth()
            .CheckMessages();
        builder.Host.UseDefaultServiceProvider(provider => provider.ValidateOnBuild = true);
        builder.WebHost.ListenForGrpc(Options);
        var app = builder.Build();
        app.GuardCallers();
        app.BoundBodies();
        app.CheckJsonRequests(Options);

        // Around the code that may still change headers: its flush sends them.
        CallAnswers.AwaitSending(app);

        // No component reads the metrics; they are there for listeners in the process.
        app.Services.GetRequiredService<NodeMetrics>();
        app.Services.GetRequiredService<EventualMetrics>();
        app.MapGrpcServices();
        return app;
    }

    private void Tell(NodeAuthentication authentication)
    {
        if (authentication.Secret is null)
        {
            _logger.NoClusterSecret(Options.NodeId);
        }
        else if (!authentication.IsRequired)
        {
            _logger.ClusterSecretOptional(Options.NodeId);
        }
    }

    private async Task ListenAsync(WebApplication app, CancellationToken cancellationToken)
    {
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (Exception error) when (error is IOException or SocketException or UnauthorizedAccessException)
        {
            // Kestrel names the address only in its message.
            throw Options.HttpListen is { } http && error.Message.Contains(http.ToString(), StringComparison.Ordinal)
                ? ListenFaults.ToStartException("httpListen", http, error)
                : ListenFaults.ToStartException("publicListen", Options.PublicListen, error);
        }
    }

    /// <summary>In the order in which <see cref="NodeServices.ListenForGrpc"/> listed them.</summary>
    private static (IPEndPoint Public, IPEndPoint? Http) ListensOn(WebApplication app)
    {
        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
            .Select(static address => IPEndPoint.Parse(address[(address.IndexOf("://", StringComparison.Ordinal) + 3)..]))
            .ToArray();
        return (addresses[0], addresses.ElementAtOrDefault(1));
    }

    /// <summary>Waits until every shard has a leader in this node's view, and every replica of its own runs.</summary>
    public async Task WhenReadyAsync(CancellationToken cancellationToken)
    {
        var readiness = Service<Readiness>();
        var changes = Service<ShardMapHolder>().Changes;
        while (true)
        {
            var news = changes.Next;
            if (readiness.WhyNot() is null)
            {
                return;
            }

            await (await Task.WhenAny(news, Failure)).WaitAsync(cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _logger.NodeStops(Options.NodeId);
        var faults = new List<Exception>();
        while (_undo.TryPop(out var undo))
        {
            try
            {
                await undo();
            }
            catch (Exception fault)
            {
                // The lower components must be closed all the same: the log ends cleanly, and the directory is released.
                _logger.StoppingFailed(fault, Options.NodeId);
                faults.Add(fault);
            }
        }

        if (faults.Count > 0)
        {
            throw new AggregateException($"Node {Options.NodeId} did not stop cleanly.", faults);
        }
    }
}
