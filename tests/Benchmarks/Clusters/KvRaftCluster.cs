using System.Globalization;
using System.Text.Json;
using KvRaft.Benchmarks.Gauges;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Benchmarks.Clusters;

/// <summary>Three <c>kvraft node</c> processes with default settings except for their addresses and the number of shards.</summary>
internal sealed class KvRaftCluster : ICluster
{
    private const int Nodes = 3;

    private static readonly TimeSpan StatusPatience = TimeSpan.FromSeconds(2);

    private readonly ClusterDirectory _directory;
    private readonly List<Func<ServerProcess>> _starts = [];
    private readonly List<ServerProcess> _servers = [];
    private readonly KvClient _operator;
    private readonly int _shards;

    private KvRaftCluster(ClusterDirectory directory, IReadOnlyList<string> endpoints, int shards)
    {
        _directory = directory;
        _shards = shards;
        Endpoints = endpoints;
        _operator = KvClient.Connect(new KvClientOptions { Endpoints = endpoints });
    }

    /// <summary>The node that was built with this program, in the same configuration.</summary>
    public static string Executable { get; } = Path.GetFullPath(Path.Combine(
        AppContext.BaseDirectory, "..", "..", "KvRaft.Node", new DirectoryInfo(AppContext.BaseDirectory).Name, "kvraft"));

    public IReadOnlyList<string> Endpoints { get; }

    public IReadOnlyList<ProcessGauge> Processes => [.. _servers.Select(static server => server.Gauge)];

    /// <summary>Returns when every shard has a leader.</summary>
    public static async Task<KvRaftCluster> StartAsync(string dataParent, int shards, CancellationToken cancellationToken)
    {
        var ports = FreePorts.Take(Nodes * 2);
        var members = Enumerable.Range(0, Nodes)
            .Select(i => new { id = $"n{i + 1}", @public = $"127.0.0.1:{ports[2 * i]}", raft = $"127.0.0.1:{ports[(2 * i) + 1]}" })
            .ToArray();
        var cluster = new KvRaftCluster(ClusterDirectory.Create(dataParent), [.. members.Select(static member => member.@public)], shards);
        try
        {
            var secret = await WriteSecretAsync(cluster._directory.Of("secret"), cancellationToken);
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
                        clusterSecretFile = secret,
                        shardCount = shards,
                        nodes = members,
                    }),
                    cancellationToken);
                cluster._starts.Add(() => new ServerProcess(Path.Combine(directory, "node.log"), Executable, "node", "--config", config));
                cluster._servers.Add(cluster._starts[^1]());
            }

            await cluster.ReadyAsync(cancellationToken);
            return cluster;
        }
        catch
        {
            // The caller receives no cluster, so the processes must be ended here.
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>What nodes prove to one another, as in a cluster that is in use.</summary>
    private static async Task<string> WriteSecretAsync(string directory, CancellationToken cancellationToken)
    {
        var file = Path.Combine(directory, "cluster-secret");
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        await using var stream = new FileStream(file, options);
        await stream.WriteAsync(System.Text.Encoding.ASCII.GetBytes(Convert.ToHexString(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32))), cancellationToken);
        return file;
    }

    public async Task<long> SyncsAsync(CancellationToken cancellationToken) =>
        (await Task.WhenAll(Endpoints.Select(endpoint => _operator.Administration.Calls.GetStatusAsync(endpoint, StatusPatience, cancellationToken))))
        .Sum(static status => status.Log.Syncs);

    public async Task<int?> LeaderOfAsync(ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        var located = await _operator.Administration.Calls.LocateAsync(null, [key.ToArray()], cancellationToken);
        var leader = located.Locations[0].Shard.LeaderNode;
        return leader.Length == 0 ? null : int.Parse(leader.AsSpan(1), CultureInfo.InvariantCulture) - 1;
    }

    public void Kill(int node) => _servers[node].Dispose();

    /// <summary>The status of a shard's group on a node; null: the node does not answer, or has no such group yet.</summary>
    public async Task<GroupStatus?> GroupAsync(int node, int shard, CancellationToken cancellationToken)
    {
        try
        {
            var status = await _operator.Administration.Calls.GetStatusAsync(Endpoints[node], StatusPatience, cancellationToken);
            return status.Groups.SingleOrDefault(group => group.Shard == shard);
        }
        catch (KvException)
        {
            // The node has not started yet; the caller tries again.
            return null;
        }
    }

    /// <summary>Starts a killed node again without waiting for it.</summary>
    public void Start(int node) => _servers[node] = _starts[node]();

    public async Task RestartAsync(int node, CancellationToken cancellationToken)
    {
        Start(node);
        await ReadyAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _operator.DisposeAsync();
        foreach (var server in _servers)
        {
            server.Dispose();
        }

        _directory.Dispose();
    }

    private Task ReadyAsync(CancellationToken cancellationToken) => Readiness.UntilAsync(
        _servers, () => IsWholeAsync(cancellationToken), $"every node to follow or lead each of {_shards} shards", cancellationToken);

    /// <summary>Every node answers, and its map contains the leader of every shard.</summary>
    private async Task<bool> IsWholeAsync(CancellationToken cancellationToken)
    {
        try
        {
            var statuses = await Task.WhenAll(Endpoints.Select(
                endpoint => _operator.Administration.Calls.GetStatusAsync(endpoint, StatusPatience, cancellationToken)));
            return statuses.All(status => status.Groups.Count(static group => group.Shard >= 0 && group.Leader.Length > 0) == _shards)
                && statuses.Sum(static status => status.Groups.Count(static group => group.Shard >= 0 && group.Role == ReplicaRole.Leader)) == _shards;
        }
        catch (KvException)
        {
            // The node has not started yet; the caller tries again.
            return false;
        }
    }
}
