using KvRaft.Benchmarks.Clusters;
using KvRaft.Benchmarks.Stores;
using KvRaft.Benchmarks.Stores.Etcd;

namespace KvRaft.Benchmarks.SideBySide;

/// <summary>A cluster of the comparison, and the stores that call it.</summary>
/// <param name="Start">Starts a new cluster.</param>
/// <param name="Stores">Each is one row of the table.</param>
internal sealed record Contestant(Func<CancellationToken, Task<ICluster>> Start, IReadOnlyList<Func<ICluster, IStore>> Stores)
{
    public static Contestant Etcd(string program, string data) => new(
        async cancel => await EtcdCluster.StartAsync(program, data, cancel),
        [static cluster => new EtcdStore(cluster.Endpoints)]);

    public static Contestant KvRaft(string data, int shards) => new(
        async cancel => await KvRaftCluster.StartAsync(data, shards, cancel),
        [static cluster => new UnaryStore(cluster.Endpoints), static cluster => new TypedStore(cluster.Endpoints)]);
}
