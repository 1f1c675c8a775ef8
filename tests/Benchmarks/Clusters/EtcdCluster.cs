using System.Globalization;
using Grpc.Core;
using KvRaft.Benchmarks.Gauges;
using KvRaft.Benchmarks.Stores.Etcd;

namespace KvRaft.Benchmarks.Clusters;

/// <summary>Three <c>etcd</c> processes with default settings except for their addresses: a majority syncs each write.</summary>
internal sealed class EtcdCluster : ICluster
{
    private const int Nodes = 3;

    // The write-ahead log of etcd, and the commits of its store (bbolt syncs each).
    private static readonly string[] SyncCounters = ["etcd_disk_wal_fsync_duration_seconds_count", "etcd_disk_backend_commit_duration_seconds_count"];

    private readonly ClusterDirectory _directory;
    private readonly List<Func<ServerProcess>> _starts = [];
    private readonly List<ServerProcess> _servers = [];
    private readonly HttpClient _http = new();

    private EtcdCluster(ClusterDirectory directory, IReadOnlyList<string> endpoints)
    {
        _directory = directory;
        Endpoints = endpoints;
    }

    public IReadOnlyList<string> Endpoints { get; }

    public IReadOnlyList<ProcessGauge> Processes => [.. _servers.Select(static server => server.Gauge)];

    /// <summary>Returns when the cluster accepts writes.</summary>
    /// <param name="program">The server; the Debian package <c>etcd-server</c> contains it as <c>etcd</c>.</param>
    /// <param name="dataParent">The parent of the data directory.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<EtcdCluster> StartAsync(string program, string dataParent, CancellationToken cancellationToken)
    {
        var ports = FreePorts.Take(Nodes * 2);
        var names = Enumerable.Range(1, Nodes).Select(static i => $"e{i}").ToArray();
        var clients = Enumerable.Range(0, Nodes).Select(i => $"127.0.0.1:{ports[2 * i]}").ToArray();
        var peers = Enumerable.Range(0, Nodes).Select(i => $"http://127.0.0.1:{ports[(2 * i) + 1]}").ToArray();
        var members = string.Join(',', names.Zip(peers, static (name, peer) => $"{name}={peer}"));
        var cluster = new EtcdCluster(ClusterDirectory.Create(dataParent), clients);
        try
        {
            for (var i = 0; i < Nodes; i++)
            {
                var directory = cluster._directory.Of(names[i]);
                string[] arguments =
                [
                    "--name", names[i],
                    "--data-dir", Path.Combine(directory, "data"),
                    "--listen-client-urls", $"http://{clients[i]}",
                    "--advertise-client-urls", $"http://{clients[i]}",
                    "--listen-peer-urls", peers[i],
                    "--initial-advertise-peer-urls", peers[i],
                    "--initial-cluster", members,
                    "--initial-cluster-state", "new",
                ];
                cluster._starts.Add(() => new ServerProcess(Path.Combine(directory, "etcd.log"), program, arguments));
                cluster._servers.Add(cluster._starts[i]());
            }

            await cluster.ReadyAsync(cancellationToken);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public async Task<long> SyncsAsync(CancellationToken cancellationToken)
    {
        var pages = await Task.WhenAll(Endpoints.Select(endpoint => _http.GetStringAsync(new Uri($"http://{endpoint}/metrics"), cancellationToken)));
        return pages.Sum(SyncsOn);
    }

    public async Task<int?> LeaderOfAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        for (var node = 0; node < Nodes; node++)
        {
            var page = await _http.GetStringAsync(new Uri($"http://{Endpoints[node]}/metrics"), cancellationToken);
            if (page.Contains("\netcd_server_is_leader 1\n", StringComparison.Ordinal))
            {
                return node;
            }
        }

        return null;
    }

    public void Kill(int node) => _servers[node].Dispose();

    public async Task RestartAsync(int node, CancellationToken cancellationToken)
    {
        _servers[node] = _starts[node]();
        await ReadyAsync(cancellationToken);
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        foreach (var server in _servers)
        {
            server.Dispose();
        }

        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>The sum of the counters on a page in Prometheus' text format.</summary>
    internal static long SyncsOn(string page) => page.Split('\n')
        .Select(static line => line.Split(' '))
        .Where(static words => words.Length == 2 && SyncCounters.Contains(words[0]))
        .Sum(static words => (long)double.Parse(words[1], CultureInfo.InvariantCulture));

    private Task ReadyAsync(CancellationToken cancellationToken) =>
        Readiness.UntilAsync(_servers, TakesWritesAsync, "etcd to take a write through each node", cancellationToken);

    private async Task<bool> TakesWritesAsync()
    {
        await using var store = new EtcdStore(Endpoints);
        try
        {
            for (var node = 0; node < Nodes; node++)
            {
                await store.PutAsync(node, "ready"u8.ToArray(), "yes"u8.ToArray());
            }

            return true;
        }
        catch (RpcException)
        {
            return false;
        }
    }
}
