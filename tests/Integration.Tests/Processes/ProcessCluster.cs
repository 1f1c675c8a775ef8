using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Integration.Tests.Processes;

/// <summary>
/// Three real nodes, each a process of its own with a directory of its own, on loopback. They can be killed, paused and started again;
/// in every case, disposing ends exactly the processes that were started here.
/// </summary>
internal sealed class ProcessCluster : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private static readonly Dictionary<string, string> NoEnvironment = [];

    private readonly string _root = Directory.CreateTempSubdirectory("kvraft-nodes-").FullName;
    private readonly Dictionary<string, NodeProcess> _nodes = [];

    /// <summary>A wait timed out; the nodes' output may show the reason.</summary>
    private volatile bool _isEvidence;
    private int _shards;
    private Dictionary<string, object> _settings = [];

    private ProcessCluster()
    {
    }

    public IReadOnlyList<string> Nodes => [.. _nodes.Keys.Order()];

    /// <param name="shards">How many shards the default keyspace has.</param>
    /// <param name="nodes">How many nodes; each holds a replica of each shard, up to three.</param>
    /// <param name="settings">Further settings of every node, by their names in the configuration file.</param>
    /// <param name="settingsOf">Further settings of some nodes.</param>
    /// <param name="environment">Variables of every node's process.</param>
    /// <param name="descriptorsMax">The number of descriptors that each process may have open; null: as this one.</param>
    public static async Task<ProcessCluster> StartAsync(
        int shards, int nodes = 3, Dictionary<string, object>? settings = null, Dictionary<string, Dictionary<string, object>>? settingsOf = null,
        IReadOnlyDictionary<string, string>? environment = null, int? descriptorsMax = null)
    {
        var cluster = new ProcessCluster { _shards = shards, _settings = settings ?? [] };
        var ports = FreePorts(nodes * 2);
        var members = Enumerable.Range(0, nodes)
            .Select(i => new { id = $"n{i + 1}", @public = $"127.0.0.1:{ports[2 * i]}", raft = $"127.0.0.1:{ports[(2 * i) + 1]}" })
            .ToArray();
        foreach (var member in members)
        {
            var directory = Path.Combine(cluster._root, member.id);
            Directory.CreateDirectory(directory);
            var config = Path.Combine(directory, "node.json");
            var values = new Dictionary<string, object>
            {
                ["clusterName"] = "integration",
                ["nodeId"] = member.id,
                ["dataDirectory"] = Path.Combine(directory, "data"),
                ["shardCount"] = shards,
                ["clusterSecretFile"] = cluster.SecretFile(),
                ["nodes"] = members,
            };
            foreach (var (name, value) in (settings ?? []).Concat(settingsOf?.GetValueOrDefault(member.id) ?? []))
            {
                values[name] = value;
            }

            await File.WriteAllTextAsync(config, JsonSerializer.Serialize(values));
            cluster._nodes[member.id] = new NodeProcess(config, Path.Combine(directory, "node.log"), member.@public, environment ?? NoEnvironment, descriptorsMax);
        }

        try
        {
            foreach (var node in cluster._nodes.Values)
            {
                node.Start();
            }

            await cluster.AllLedAsync(shards);
            return cluster;
        }
        catch
        {
            // The caller that requested the cluster gets none, so no other code could end its processes.
            cluster.Kill([.. cluster.Nodes]);
            throw;
        }
    }

    /// <summary>Writes the configuration of a process that joins the cluster, and starts it. It may be refused.</summary>
    /// <param name="node">Its name.</param>
    /// <param name="through">The node that receives the join request; null: the first node.</param>
    /// <param name="at">The node whose addresses it has; null: free ones.</param>
    /// <param name="changed">Settings that are different from the cluster's.</param>
    public async Task JoinAsync(string node, string? through = null, string? at = null, Dictionary<string, object>? changed = null)
    {
        var directory = Path.Combine(_root, node);
        Directory.CreateDirectory(directory);
        var config = Path.Combine(directory, "node.json");
        var ports = FreePorts(2);
        var self = at is null
            ? new { id = node, @public = $"127.0.0.1:{ports[0]}", raft = $"127.0.0.1:{ports[1]}" }
            : new { id = node, @public = Endpoint(at), raft = RaftEndpoint(at) };
        var values = new Dictionary<string, object>
        {
            ["clusterName"] = "integration",
            ["nodeId"] = node,
            ["dataDirectory"] = Path.Combine(directory, "data"),
            ["join"] = Endpoint(through ?? Nodes[0]),
            ["clusterSecretFile"] = SecretFile(),
            ["nodes"] = new[] { self },
        };
        foreach (var (name, value) in _settings.Concat(changed ?? []))
        {
            values[name] = value;
        }

        await File.WriteAllTextAsync(config, JsonSerializer.Serialize(values));
        _nodes[node] = new NodeProcess(config, Path.Combine(directory, "node.log"), self.@public, NoEnvironment);
        _nodes[node].Start();
    }

    /// <summary>A process that ended, or is to end, is no node of the cluster any more.</summary>
    public void Forget(string node)
    {
        Kill(node);
        _nodes.Remove(node);
    }

    /// <summary>Deletes all data of the node.</summary>
    public void Wipe(string node) => Directory.Delete(DataDirectory(node), recursive: true);

    /// <summary>The same for all nodes, and for no other process.</summary>
    public string SecretFile()
    {
        var file = Path.Combine(_root, "cluster-secret");
        if (!File.Exists(file))
        {
            File.WriteAllText(file, Guid.NewGuid().ToString("N") + Guid.NewGuid().ToString("N"));
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }
        }

        return file;
    }

    public string RaftEndpoint(string node)
    {
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(_root, node, "node.json")));
        return config.RootElement.GetProperty("nodes").EnumerateArray().Single(each => each.GetProperty("id").GetString() == node).GetProperty("raft").GetString()!;
    }

    /// <summary>Every shard has a leader.</summary>
    public Task AllLedAsync() => AllLedAsync(_shards);

    public string Endpoint(string node) => _nodes[node].Endpoint;

    /// <summary>If a process ended that the test did not stop, throws with its exit code and its output.</summary>
    public void AssertAlive()
    {
        foreach (var (name, node) in _nodes)
        {
            node.ThrowIfDiedByItself(name);
        }
    }

    /// <summary>The output of a node so far, over all its lives.</summary>
    public string Log(string node)
    {
        using var reader = new StreamReader(new FileStream(
            Path.Combine(_root, node, "node.log"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        return reader.ReadToEnd();
    }

    /// <summary>The output of the nodes from now on.</summary>
    public LogTail TailLogs() => LogTail.FromNowOn(Nodes.Select(node => Path.Combine(_root, node, "node.log")));

    public string DataDirectory(string node) => Path.Combine(_root, node, "data");

    public int ProcessId(string node) => _nodes[node].Id;

    /// <summary>A client with only the given nodes as seeds, or all.</summary>
    public KvClient Client(params string[] nodes) => KvClient.Connect(Options(nodes));

    /// <summary>The options of such a client, to be changed.</summary>
    public KvClientOptions Options(params string[] nodes) =>
        KvClientOptions.Parse($"kvraft://{string.Join(',', (nodes.Length > 0 ? nodes : Nodes).Select(Endpoint))}/default?timeout=30s");

    public void Start(string node) => _nodes[node].Start();

    /// <summary>Starts a node without the variables it had before.</summary>
    public void StartPlain(string node)
    {
        _nodes[node].Environment = NoEnvironment;
        Start(node);
    }

    /// <summary>kill -9: nothing the process had in memory survives.</summary>
    public void Kill(params string[] nodes)
    {
        foreach (var node in nodes)
        {
            _nodes[node].Kill();
        }
    }

    /// <summary>Waits until a node ends although the test did not stop it; returns its exit code and its output.</summary>
    public Task<(int ExitCode, string Log)> WhenEndedByItselfAsync(string node) => _nodes[node].WhenEndedAsync();

    public void Signal(string node, string name) => _nodes[node].Signal(name);

    public void Pause(string node) => _nodes[node].Signal("STOP");

    public void Resume(string node) => _nodes[node].Signal("CONT");

    /// <summary>SIGTERM; returns the exit code.</summary>
    public Task<int> StopAsync(string node) => _nodes[node].StopAsync();

    public async Task<string> LeaderAsync(int group, IReadOnlyList<string> among)
    {
        var status = await EventuallyAsync(
            async () =>
            {
                foreach (var node in among)
                {
                    if (await StatusAsync(node) is { } status && status.Groups.Any(each => each.Group == group && each.Role == ReplicaRole.Leader))
                    {
                        return status;
                    }
                }

                return null;
            },
            $"a leader of group {group} among {string.Join(", ", among)}");
        return status.NodeId;
    }

    /// <summary>
    /// Waits until each of some nodes sees a leader of a group other than the lost one: a request that is forwarded to the lost one before that may
    /// be executed or not, and its caller waits for its whole deadline until it gets that answer.
    /// </summary>
    public async Task ReplacedAsync(int group, string lost, IReadOnlyList<string> among)
    {
        foreach (var node in among)
        {
            await EventuallyAsync(
                async () => await StatusAsync(node) is { } status
                    && status.Groups.Any(each => each.Group == group && each.Leader.Length > 0 && each.Leader != lost) ? status : null,
                $"{node} to follow another leader of group {group} than {lost}");
        }
    }

    /// <summary>The status that a node reports, or null while it does not answer.</summary>
    public async Task<StatusResponse?> StatusAsync(string node)
    {
        try
        {
            using var client = Client(node);
            return await client.Administration.Calls.GetStatusAsync(Endpoint(node), TimeSpan.FromSeconds(1));
        }
        catch (KvException)
        {
            return null;
        }
    }

    /// <summary>Waits until a node that was started answers.</summary>
    public Task ServesAsync(string node) => EventuallyAsync(() => StatusAsync(node), $"{node} to answer");

    public Task AllLedAsync(int shards) => EventuallyAsync(
        async () =>
        {
            var led = new HashSet<int>();
            foreach (var node in Nodes)
            {
                led.UnionWith((await StatusAsync(node))?.Groups.Where(group => group.Role == ReplicaRole.Leader && group.Shard >= 0).Select(group => group.Group) ?? []);
            }

            return led.Count == shards ? led : null;
        },
        $"a leader of each of {shards} shards");

    public async Task<T> EventuallyAsync<T>(Func<Task<T?>> look, string what)
        where T : class
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < Patience)
        {
            if (await look() is { } seen)
            {
                return seen;
            }

            foreach (var (name, node) in _nodes)
            {
                node.ThrowIfDiedByItself(name);
            }

            await Task.Delay(20);
        }

        _isEvidence = true;
        throw new TimeoutException($"Waited {Patience.TotalSeconds:0} s for {what}. The nodes' data and logs are left in {_root}.");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes.Values)
        {
            node.Kill();
        }

        await Task.CompletedTask;
        if (!_isEvidence)
        {
            Directory.Delete(_root, recursive: true);
        }
    }

    private static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToArray();
        try
        {
            foreach (var listener in listeners)
            {
                listener.Start();
            }

            return [.. listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port)];
        }
        finally
        {
            foreach (var listener in listeners)
            {
                listener.Dispose();
            }
        }
    }
}
