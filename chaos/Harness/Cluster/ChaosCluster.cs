using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using KvRaft.Chaos.Links;
using KvRaft.Chaos.Machine;
using KvRaft.V1;

namespace KvRaft.Chaos.Cluster;

/// <summary>
/// A cluster of real nodes, each a process in its own network namespace and, on request, on its own file system. Nodes are numbered from
/// 0 and named from n1. The ledger lists everything that is created outside the folder of the run.
/// </summary>
internal sealed class ChaosCluster : IAsyncDisposable
{
    private const int PublicPort = 7400;
    private const int RaftPort = 7500;

    private readonly NodeProcess[] _processes;
    private readonly AdminChannel[] _admins;

    private ChaosCluster(ClusterPlan plan, NodeNetwork? network, BadLinks? links, IReadOnlyList<NodeVolume> volumes, ClockShim? clocks, IReadOnlyList<string> endpoints, NodeProcess[] processes)
    {
        Links = links;
        Plan = plan;
        Clocks = clocks;
        Network = network;
        Volumes = volumes;
        Endpoints = endpoints;
        _processes = processes;
        _admins = [.. endpoints.Select(endpoint => new AdminChannel(endpoint))];
    }

    public ClusterPlan Plan { get; }

    /// <summary>Null: the nodes share loopback, and no link can be cut.</summary>
    public NodeNetwork? Network { get; }

    /// <summary>Null: packets travel without added delay or loss.</summary>
    public BadLinks? Links { get; }

    /// <summary>Null: the nodes share the clock of the machine.</summary>
    public ClockShim? Clocks { get; }

    /// <summary>Empty: the nodes share a file system.</summary>
    public IReadOnlyList<NodeVolume> Volumes { get; }

    /// <summary>Where each node serves clients.</summary>
    public IReadOnlyList<string> Endpoints { get; }

    public IReadOnlyList<string> Names => [.. Plan.Numbers.Select(NameOf)];

    public static string NameOf(int node) => $"n{node + 1}";

    public static async Task<ChaosCluster> CreateAsync(ClusterPlan plan, string id, Ledger ledger)
    {
        var network = await plan.Host.CreateNetworkAsync(id, plan.Nodes, ledger);
        var links = plan.OwnLinks && network is not null ? await BadLinks.CreateAsync(network, plan.Seed) : null;
        var clocks = plan.OwnClocks ? await ClockShim.CreateAsync(Path.Combine(plan.Folder, "clocks"), plan.Nodes) : null;
        var volumes = new List<NodeVolume>();
        var ports = network is null ? FreePorts(plan.Nodes * 2) : [];
        var members = plan.Numbers.Select(node => new
        {
            id = NameOf(node),
            @public = network is null ? $"127.0.0.1:{ports[2 * node]}" : $"{network.AddressOf(node)}:{PublicPort}",
            raft = network is null ? $"127.0.0.1:{ports[(2 * node) + 1]}" : $"{network.AddressOf(node)}:{RaftPort}",
        }).ToArray();
        var secret = Path.Combine(plan.Folder, "cluster-secret");
        Directory.CreateDirectory(plan.Folder);
        await File.WriteAllTextAsync(secret, Guid.NewGuid().ToString("N") + Guid.NewGuid().ToString("N"));
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(secret, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }

        var processes = new NodeProcess[plan.Nodes];
        foreach (var node in plan.Numbers)
        {
            var folder = Path.Combine(plan.Folder, NameOf(node));
            Directory.CreateDirectory(folder);
            if (plan.OwnVolumes)
            {
                volumes.Add(await NodeVolume.CreateAsync(Path.Combine(folder, "volume.ext4"), Path.Combine(folder, "volume"), ledger));
            }

            var command = new NodeCommand(folder, clocks?.Folder, network?.NamespaceOf(node))
            {
                Environment = (clocks?.EnvironmentOf(node) ?? new Dictionary<string, string>()).Concat(plan.Environment).ToDictionary(),
            };
            await File.WriteAllTextAsync(command.Config, JsonSerializer.Serialize(new
            {
                clusterName = "chaos",
                nodeId = NameOf(node),
                dataDirectory = Path.Combine(folder, plan.OwnVolumes ? "volume" : "", "data"),
                shardCount = plan.Shards,
                replicationFactor = plan.Replicas,
                clusterSecretFile = secret,

                // The default reserve is larger than the volume of a node here.
                limits = new { diskReserveBytes = NodeVolume.ReserveBytes },
                nodes = members,
            }));
            processes[node] = new NodeProcess(plan.Host, command, ledger) { Build = plan.Build };
        }

        return new ChaosCluster(plan, network, links, volumes, clocks, [.. members.Select(member => member.@public)], processes);
    }

    public NodeProcess Process(int node) => _processes[node];

    public AdminChannel Admin(int node) => _admins[node];

    public string DataDirectory(int node) => Path.Combine(Plan.Folder, NameOf(node), Plan.OwnVolumes ? "volume" : "", "data");

    public string LogFile(int node) => Path.Combine(Plan.Folder, NameOf(node), "node.log");

    public int RaftPortOf(int node) => Network is null ? throw new InvalidOperationException("Ports of loopback are not available here.") : RaftPort;

    public Task StartAllAsync() => Task.WhenAll(_processes.Select(process => process.StartAsync()));

    /// <summary>The leader of each shard, as the nodes report it; the highest term wins. Shards without a leader are missing.</summary>
    public async Task<IReadOnlyDictionary<int, int>> LeadersAsync()
    {
        var leaders = new SortedDictionary<int, (int Node, long Term)>();
        foreach (var (node, status) in await StatusesAsync())
        {
            foreach (var group in status.Groups.Where(group => group is { Shard: >= 0, Role: ReplicaRole.Leader }))
            {
                if (!leaders.TryGetValue(group.Shard, out var known) || known.Term < group.Term)
                {
                    leaders[group.Shard] = (node, group.Term);
                }
            }
        }

        return leaders.ToDictionary(pair => pair.Key, pair => pair.Value.Node);
    }

    /// <summary>The status of every node that answers.</summary>
    public async Task<IReadOnlyDictionary<int, StatusResponse>> StatusesAsync()
    {
        var answers = await Task.WhenAll(Plan.Numbers.Select(async node => (node, Status: _processes[node].IsRunning ? await _admins[node].StatusAsync() : null)));
        return answers.Where(answer => answer.Status is not null).ToDictionary(answer => answer.node, answer => answer.Status!);
    }

    /// <summary>Waits until every node answers, every shard has a leader and every replica serves.</summary>
    /// <returns>Null, or what is still missing after the patience.</returns>
    public async Task<string?> BecomeHealthyAsync(TimeSpan patience)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            var statuses = await StatusesAsync();
            var missing = WhatIsMissing(Plan, statuses);
            if (missing is null || clock.Elapsed > patience || WhatIsOver(statuses) is not null)
            {
                return missing;
            }

            await Task.Delay(100);
        }
    }

    /// <summary>A fault that no heal and no waiting ends: a node ended by itself, or a replica waits for an operator. Null: none.</summary>
    public string? WhatIsOver(IReadOnlyDictionary<int, StatusResponse> statuses) =>
        DiedByThemselves().ToList() is [var dead, ..]
            ? $"{NameOf(dead)} ended by itself with exit code {_processes[dead].DeathCode}"
            : StoppedReplicas(statuses) is [var stopped, ..] ? stopped : null;

    /// <summary>The replicas that their nodes do not reopen, and the reasons.</summary>
    public static IReadOnlyList<string> StoppedReplicas(IReadOnlyDictionary<int, StatusResponse> statuses) =>
    [
        .. from pair in statuses
           orderby pair.Key
           from replica in pair.Value.Groups
           where replica.NeedsOperator
           select $"group {replica.Group} of {NameOf(pair.Key)} does not go on: {replica.State}",
    ];

    public IEnumerable<int> DiedByThemselves() => Plan.Numbers.Where(node => _processes[node].DiedByItself);

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            await process.KillAsync();
        }

        if (Links is not null)
        {
            await Links.DisposeAsync();
        }

        foreach (var admin in _admins)
        {
            admin.Dispose();
        }
    }

    /// <summary>Null: every node answers, and every replica of every shard leads or follows.</summary>
    public static string? WhatIsMissing(ClusterPlan plan, IReadOnlyDictionary<int, StatusResponse> statuses)
    {
        if (plan.Numbers.FirstOrDefault(node => !statuses.ContainsKey(node), -1) is >= 0 and var silent)
        {
            return $"{NameOf(silent)} does not answer";
        }

        var groups = statuses.SelectMany(pair => pair.Value.Groups.Select(group => (Node: pair.Key, Group: group))).ToList();
        foreach (var number in Enumerable.Range(0, plan.Shards + 1))
        {
            var replicas = groups.FindAll(each => each.Group.Group == number);

            // A replica that is being reopened is in no status. Group 0 has as many replicas as its plan assigns.
            if (number > 0 && replicas.Count < plan.Replicas)
            {
                return $"group {number} has {replicas.Count} of {plan.Replicas} replicas";
            }

            if (replicas.FindIndex(each => each.Group.Role == ReplicaRole.Leader) < 0)
            {
                return $"group {number} has no leader";
            }

            if (replicas.Find(each => each.Group.Role is not (ReplicaRole.Leader or ReplicaRole.Follower)) is { Group: not null } unfit)
            {
                return $"group {number} of {NameOf(unfit.Node)} is {unfit.Group.Role}, {unfit.Group.State}";
            }
        }

        return null;
    }

    private static int[] FreePorts(int count)
    {
        var listeners = Enumerable.Range(0, count).Select(_ => new TcpListener(IPAddress.Loopback, 0)).ToArray();
        foreach (var listener in listeners)
        {
            listener.Start();
        }

        var ports = listeners.Select(listener => ((IPEndPoint)listener.LocalEndpoint).Port).ToArray();
        foreach (var listener in listeners)
        {
            listener.Dispose();
        }

        return ports;
    }
}
