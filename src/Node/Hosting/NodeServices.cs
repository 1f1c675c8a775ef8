using Grpc.AspNetCore.Server;
using KvRaft.Node.Administration;
using KvRaft.Node.Answers;
using KvRaft.Node.Bodies;
using KvRaft.Node.Cluster;
using KvRaft.Node.Control;
using KvRaft.Node.EventualKeys;
using KvRaft.Node.Http;
using KvRaft.Node.KeyValue;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Routing;
using KvRaft.Node.Security;
using KvRaft.Node.ShardRequests;
using KvRaft.Node.Shards;
using KvRaft.Node.Telemetry;
using KvRaft.Raft.Groups;
using KvRaft.Storage.Engine;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Hosting;

/// <summary>
/// The components of a node, one short registration each; <see cref="KvRaftNode"/> reads like their list. If an instance is
/// registered, its creator disposes it; the container disposes only the objects that it created.
/// </summary>
internal static class NodeServices
{
    /// <summary>
    /// A state that clients let grow to its limit on every one of many sides of a partition, and that is then merged: thirty sides of 2 MiB.
    /// Replicas must be able to send it to each other.
    /// </summary>
    private const int EventualMessageBytesMax = 64 * 1024 * 1024;

    public static IServiceCollection AddNode(this IServiceCollection services, NodeOptions options, MembershipFile membership, DiskLevel level, ILoggerFactory loggers)
    {
        services.AddSingleton(options);
        services.AddSingleton(level);
        services.AddSingleton(membership);
        services.AddSingleton(loggers);
        services.AddSingleton(options.Surroundings.Time);
        services.AddSingleton<NodeFailure>();
        services.AddSingleton<Func<string, long>>(DiskGuard.FreeBytesOf);
        services.AddLoop<DiskGuard>();
        services.AddSingleton<IHostLifetime, CallersLifetime>();
        services.Configure<HostOptions>(host => host.ShutdownTimeout = options.Timings.StopGrace);
        return services;
    }

    /// <summary>Which callers may connect, how many, and which calls they may make.</summary>
    public static IServiceCollection AddCallers(this IServiceCollection services, NodeProof proof, ConnectionLimits connections) => services
        .AddSingleton(proof)
        .AddSingleton(connections)
        .AddSingleton<CallerGuard>()
        .AddSingleton<CallLimit>()
        .AddSingleton<StreamPace>()
        .AddSingleton<ClientConnections>()
        .AddSingleton<IConnectionListenerFactory>(static provider => provider.GetRequiredService<ClientConnections>());

    public static void GuardCallers(this WebApplication app)
    {
        app.Use(app.Services.GetRequiredService<CallLimit>().InvokeAsync);
        app.Use(app.Services.GetRequiredService<CallerGuard>().InvokeAsync);
    }

    public static IServiceCollection AddRaftComponent(this IServiceCollection services, RaftHost raft) =>
        services.AddSingleton(raft).AddSingleton(raft.Clock).AddSingleton<ClusterTimeProvider>().AddLoop<RaftWatch>().AddLoop<IdleMemory>();

    public static IServiceCollection AddPlacementComponent(this IServiceCollection services, PlacementAgent placement) =>
        services.AddSingleton(placement).AddSingleton<PlacementRouter>().AddSingleton<KeyspaceLookup>().AddSingleton<KeyspaceSpread>().AddLoop<PlacementLoop>().AddLoop<KeyspaceSweeper>()
            .AddSingleton<MoveNotes>().AddSingleton<MoveFinisher>().AddLoop<MoveDriver>().AddLoop<NodeRegistration>().AddLoop<NodeMonitor>()
            .AddSingleton<SchedulerNotes>().AddSingleton<CopyPacer>().AddSingleton<OperatorWatchdog>().AddSingleton<OperatorDuty>().AddSingleton<DepartureDuty>().AddSingleton<Group0VoterDuty>().AddSingleton<LeadershipHandOver>().AddSingleton<LeadershipDuty>().AddLoop<PlacementDriver>();

    public static IServiceCollection AddShards(this IServiceCollection services, IEngineFactory engines) =>
        services.AddSingleton(engines).AddSingleton<LatencyWindow>().AddSingleton<ShardTable>().AddSingleton<ReplicaRepairs>().AddSingleton<ReplicaRetirement>().AddLoop<ShardHost>().AddLoop<DueTicker>();

    public static IServiceCollection AddRequestRouting(this IServiceCollection services, ShardMapHolder map) => services
        .AddSingleton(map)
        .AddSingleton<LeaderBoard>()
        .AddSingleton<PeerDirectory>()
        .AddSingleton<DeadlineTokens>()
        .AddSingleton<RequestRouter>();

    public static IServiceCollection AddOperations(this IServiceCollection services) => services
        .AddSingleton<AnswerHeaders>()
        .AddSingleton<Admission>()
        .AddLoop<AnswerSends>()
        .AddSingleton<AnswerBudget>()
        .AddSingleton<BodyBudget>()
        .AddSingleton<CallAnswers>()
        .AddSingleton<NodeMeter>()
        .AddSingleton<NodeMetrics>()
        .AddSingleton<SingleKeyOperations>()
        .AddSingleton<MultiKeyOperations>()
        .AddSingleton<ShardOperations>()
        .AddSingleton<ScanOperations>()
        .AddSingleton<DeleteRangeOperations>()
        .AddSingleton<PipeSessions>()
        .AddSingleton<RouteMaps>();

    public static IServiceCollection AddGrpcServices(this IServiceCollection services, Limits limits)
    {
        services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = limits.MessageBytesMax;
            grpc.MaxSendMessageSize = limits.MessageBytesMax;
            grpc.CompressionProviders = BoundedCompression.All(limits.MessageBytesMax);
            grpc.Interceptors.Add<FaultInterceptor>();
        })
            .AddServiceOptions<EventualKvService>(grpc => grpc.MaxSendMessageSize = EventualMessageBytesMax)
            .AddServiceOptions<EventualTreesService>(LargeMessages)
            .AddServiceOptions<EventualPeersService>(LargeMessages)
            .AddJsonTranscoding(json =>
        {
            // As in the JSON form of protobuf: most languages read JSON numbers into a type in which a number of 64 bits loses its last digits.
            json.JsonSettings.WriteInt64sAsStrings = true;
            json.TypeRegistry = RpcStatus.DetailTypes;
        });
        services.AddGrpcReflection();

        // Services have no state of a call; one of each saves an allocation and a look-up per request.
        return services
            .AddSingleton<FaultInterceptor>()
            .AddSingleton<KvService>()
            .AddSingleton<RoutingService>()
            .AddSingleton<PlacementCalls>()
            .AddSingleton<KeyspaceService>()
            .AddSingleton<MovesService>()
            .AddSingleton<EventualLeftovers>()
            .AddSingleton<OwnStatus>()
            .AddSingleton<PlanMaker>()
            .AddSingleton<NodesService>()
            .AddSingleton<PlansService>()
            .AddSingleton<OperatorsService>()
            .AddSingleton<SchedulersService>()
            .AddSingleton<RingService>()
            .AddSingleton<WholeShardWork>()
            .AddSingleton<AdminService>();
    }

    private static void LargeMessages<TService>(GrpcServiceOptions<TService> grpc)
        where TService : class
    {
        grpc.MaxReceiveMessageSize = grpc.MaxSendMessageSize = EventualMessageBytesMax;
        grpc.CompressionProviders = BoundedCompression.All(EventualMessageBytesMax);
    }

    public static IServiceCollection AddHealth(this IServiceCollection services)
    {
        services.AddSingleton<Readiness>();
        services.AddGrpcHealthChecks(health =>
            {
                health.Services.Map("kvraft", check => check.Tags.Contains("live"));
                health.Services.Map("kvraft.ready", check => check.Tags.Contains("ready"));
            })
            .AddCheck<Liveness>("live", tags: ["live"])
            .AddCheck<Readiness>("ready", tags: ["ready"]);
        return services;
    }

    public static void ListenForGrpc(this IWebHostBuilder host, NodeOptions options) => host.ConfigureKestrel(kestrel =>
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Limits.MinRequestBodyDataRate = null;
        kestrel.Limits.Http2.MaxStreamsPerConnection = options.Limits.StreamsPerConnectionMax;

        // A pipe that carries all operations of a client is one stream: it may fill a link of 1 Gbit/s at 8 ms.
        kestrel.Limits.Http2.InitialStreamWindowSize = 1024 * 1024;
        kestrel.Limits.Http2.InitialConnectionWindowSize = 2 * 1024 * 1024;
        kestrel.Limits.KeepAliveTimeout = options.Timings.ConnectionIdle;
        kestrel.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(10);
        kestrel.Listen(options.PublicListen, listen => listen.Protocols = HttpProtocols.Http2);
        if (options.HttpListen is { } http)
        {
            kestrel.Listen(http, listen => listen.Protocols = HttpProtocols.Http1);
        }
    });

    public static void MapGrpcServices(this WebApplication app)
    {
        app.MapGrpcService<KvService>();
        app.MapGrpcService<RoutingService>();
        app.MapGrpcService<KeyspaceService>();
        app.MapGrpcService<MovesService>();
        app.MapGrpcService<AdminService>();
        app.MapGrpcService<NodesService>();
        app.MapGrpcService<PlansService>();
        app.MapGrpcService<OperatorsService>();
        app.MapGrpcService<SchedulersService>();
        app.MapGrpcService<RingService>();
        app.MapGrpcService<EventualKvService>();
        app.MapGrpcService<EventualPeersService>();
        app.MapGrpcService<EventualTreesService>();
        app.MapGrpcService<EventualRepairService>();
        app.MapGrpcHealthChecksService();
        app.MapGrpcReflectionService();
    }

    /// <summary>A loop of the node that other components may also query.</summary>
    private static IServiceCollection AddLoop<T>(this IServiceCollection services)
        where T : class, IHostedService =>
        services.AddSingleton<T>().AddHostedService(provider => provider.GetRequiredService<T>());
}
