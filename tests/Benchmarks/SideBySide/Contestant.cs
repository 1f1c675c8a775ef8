using KvRaft.Benchmarks.Clusters;
using KvRaft.Benchmarks.Stores;
using KvRaft.Benchmarks.Stores.Etcd;

namespace KvRaft.Benchmarks.SideBySide;

/// <summary>A cluster that takes part, and the ways it is called.</summary>
/// <param name="Start">Starts a fresh cluster.</param>
/// <param name="Stores">One row of the table each.</param>
internal sealed record Contestant(Func<CancellationToken, Task<ICluster>> Start, IReadOnlyList<Func<ICluster, IStore>> Stores)
{
    public static Contestant Etcd(string program, string data) => new(
        async cancel => await EtcdCluster.StartAsync(program, data, cancel),
        [static cluster => new EtcdStore(cluster.Endpoints)]);

    public static Contestant KvRaft(string data, int shards) => new(
        async cancel => await KvRaftCluster.StartAsync(data, shards, cancel),
        [static cluster => new UnaryStore(cluster.Endpoints), static cluster => new TypedStore(cluster.Endpoints)]);
}
