using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Repair;
using KvRaft.Eventual.Replicas;
using KvRaft.Node.Cluster;
using KvRaft.Node.EventualKeys;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Storage.Engine;
using Microsoft.Extensions.DependencyInjection;

namespace KvRaft.Node.Hosting;

/// <summary>Opens the node's copies of eventual keys, and registers the components that use them.</summary>
internal static class EventualComponent
{
    /// <exception cref="NodeStartException">The store cannot be opened, for a reason other than lack of disk space or damage.</exception>
    public static EventualReplica Open(NodeOptions options, IEngineFactory engines, DiskLevel level, TimeProvider time)
    {
        var directory = Path.Combine(options.DataDirectory, "eventual");
        return OwnFiles.Directory(directory, () => EventualReplica.Open(
            directory, engines, options.Eventual, time, () => DiskGuard.MayReopen(options.DataDirectory, engines, level)));
    }

    public static IServiceCollection AddEventualComponent(this IServiceCollection services, EventualReplica replica, NodeOptions options)
    {
        services.AddSingleton(replica);
        services.AddSingleton(new CoordinatorOptions());
        services.AddSingleton<PeerSuspicion>();
        services.AddSingleton<PeerRings>();
        services.AddSingleton<PeerKeyCheck>();
        services.AddSingleton<PeerCaller>();
        services.AddSingleton<IReplicaPeers, GrpcReplicaPeers>();
        services.AddSingleton<PutCoordinator>();
        services.AddSingleton<GetCoordinator>();
        services.AddSingleton<EventualForwarder>();
        services.AddSingleton<EventualOperations>();
        services.AddSingleton<EventualKvService>();
        services.AddSingleton<EventualPeersService>();
        services.AddHostedService<EventualWatch>();
        services.AddHostedService<EventualSweeper>();
        services.AddHostedService<EventualTenures>();
        return services.AddEventualRepair(options);
    }

    private static IServiceCollection AddEventualRepair(this IServiceCollection services, NodeOptions options)
    {
        services.AddSingleton(options.Eventual);
        services.AddSingleton(new RepairOptions());
        services.AddSingleton<ReplicaHolders>();
        services.AddSingleton<IReplicaHolders>(static provider => provider.GetRequiredService<ReplicaHolders>());
        services.AddSingleton<ITreePeers, GrpcTreePeers>();
        services.AddSingleton<RepairLedger>();
        services.AddSingleton<TokenRangeHandover>();
        services.AddOnClusterTime<RepairRounds>();
        services.AddOnClusterTime<ExpirySweep>();
        services.AddOnClusterTime<TombstoneSweep>();
        services.AddOnClusterTime<HintedHandoff>();
        services.AddSingleton<EventualTreesService>();
        services.AddSingleton<EventualRepairService>();
        services.AddSingleton<EventualMetrics>();
        services.AddSingleton<EventualRepairLoop>();
        services.AddHostedService(static provider => provider.GetRequiredService<EventualRepairLoop>());
        return services;
    }

    /// <summary>The components that compare ages which different nodes wrote.</summary>
    private static void AddOnClusterTime<T>(this IServiceCollection services)
        where T : class =>
        services.AddSingleton(static provider => ActivatorUtilities.CreateInstance<T>(provider, provider.GetRequiredService<ClusterTimeProvider>()));
}
