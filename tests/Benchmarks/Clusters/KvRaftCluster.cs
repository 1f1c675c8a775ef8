using System.Text.Json;
using KvRaft.Benchmarks.Gauges;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Benchmarks.Clusters;

/// <summary>Three <c>kvraft node</c> processes with default settings but for their addresses and the number of shards.</summary>
internal sealed class KvRaftCluster : ICluster
{
    private const int Nodes = 3;

    private static readonly TimeSpan StatusPatience = TimeSpan.FromSeconds(2);

    private readonly ClusterDirectory _directory;
    private readonly List<ServerProcess> _servers = [];
    private readonly KvClient _operator;

    private KvRaftCluster(ClusterDirectory directory, IReadOnlyList<string> endpoints)
    {
        _directory = directory;
        Endpoints = endpoints;
        _operator = KvClient.Connect(new KvClientOptions { Endpoints = endpoints });
    }

    /// <summary>The node built with this program, in the same configuration.</summary>
    public static string Executable { get; } = Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "..", "..", "KvRaft.Node", new DirectoryInfo(AppContext.BaseDirectory).Name, "kvraft"));

    public IReadOnlyList<string> Endpoints { get; }

    public IReadOnlyList<ProcessGauge> Processes => [.. _servers.Select(static server => server.Gauge)];

    /// <summary>Returns when every shard is led.</summary>
    public static async Task<KvRaftCluster> StartAsync(string dataParent, int shards, CancellationToken cancellationToken)
    {
        var ports = FreePorts.Take(Nodes * 2);
        var members = Enumerable.Range(0, Nodes)
            .Select(i => new { id = $"n{i + 1}", @public = $"127.0.0.1:{ports[2 * i]}", raft = $"127.0.0.1:{ports[(2 * i) + 1]}" })
            .ToArray();
        var cluster = new KvRaftCluster(ClusterDirectory.Create(dataParent), [.. members.Select(static member => member.@public)]);
        try
        {
            foreach (var member in members)
            {
                var directory = cluster._directory.Of(member.id);
                var config = Path.Combine(directory, "node.json");
                await File.WriteAllTextAsync(
                    config,
                    JsonSerializer.Serialize(new
                    {
                        clusterName = "benchmark",
                        nodeId = member.id,
                        dataDirectory = Path.Combine(directory, "data"),
                        shardCount = shards,
                        nodes = members,
                    }),
                    cancellationToken);
                cluster._servers.Add(new ServerProcess(Path.Combine(directory, "node.log"), Executable, "node", "--config", config));
            }

            await Readiness.UntilAsync(
                cluster._servers, async () => await cluster.LedShardsAsync(cancellationToken) == shards, $"a leader of each of {shards} shards", cancellationToken);
            return cluster;
        }
        catch
        {
            // Whoever asked gets no cluster, so nobody else could end its processes.
            await cluster.DisposeAsync();
            throw;
        }
    }

    public async Task<long> SyncsAsync(CancellationToken cancellationToken) =>
        (await Task.WhenAll(Endpoints.Select(endpoint => _operator.Administration.GetStatusAsync(endpoint, StatusPatience, cancellationToken))))
        .Sum(static status => status.Log.Syncs);

    public async ValueTask DisposeAsync()
    {
        await _operator.DisposeAsync();
        foreach (var server in _servers)
        {
            server.Dispose();
        }

        _directory.Dispose();
    }

    private async Task<int> LedShardsAsync(CancellationToken cancellationToken)
    {
        var led = new HashSet<int>();
        foreach (var endpoint in Endpoints)
        {
            try
            {
                var status = await _operator.Administration.GetStatusAsync(endpoint, StatusPatience, cancellationToken);
                led.UnionWith(status.Groups.Where(static group => group.Role == ReplicaRole.Leader && group.Shard >= 0).Select(static group => group.Shard));
            }
            catch (KvException)
            {
                // Not up yet; asked again soon.
            }
        }

        return led.Count;
    }
}
