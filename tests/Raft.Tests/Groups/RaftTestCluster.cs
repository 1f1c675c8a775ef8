using System.Collections.Concurrent;
using System.Net;
using System.Text;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Options;
using KvRaft.Raft.Proposals;
using KvRaft.Topology;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>
/// The Raft hosts of several nodes in this process, on loopback, each with its own directory. <see cref="CommitProof"/> proves every commit;
/// disposing the cluster fails the test if a proof failed.
/// </summary>
internal sealed class RaftTestCluster : IAsyncDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("kvraft-raft-").FullName;
    private readonly Guid _clusterId = Guid.NewGuid();
    private readonly ConcurrentDictionary<NodeId, IPEndPoint> _addresses = new();
    private readonly ConcurrentDictionary<NodeId, RaftHost> _hosts = new();
    private readonly ConcurrentDictionary<(NodeId Node, GroupId Group), GroupSpec> _replicas = new();
    private readonly Func<RaftHostOptions, RaftHostOptions> _configure;

    private RaftTestCluster(int nodes, int groups, int voters, int firstGroup, Func<RaftHostOptions, RaftHostOptions>? configure)
    {
        Nodes = [.. Enumerable.Range(1, nodes).Select(number => new NodeId($"n{number}"))];
        _configure = configure ?? (options => options);
        var first = Nodes.Take(voters).Select(voter => new GroupVoter(voter, 1)).ToArray();
        foreach (var voter in first)
        {
            for (var group = firstGroup; group < firstGroup + groups; group++)
            {
                _replicas[(voter.Node, new GroupId(group))] = new GroupSpec(new GroupId(group), 1, first);
            }
        }
    }

    public IReadOnlyList<NodeId> Nodes { get; }

    public LinkGate Gate { get; } = new();

    public CommitProof Proof { get; } = new();

    /// <summary>The time limit of a wait; the message then contains the awaited condition.</summary>
    public static TimeSpan Patience { get; } = TimeSpan.FromSeconds(60);

    public static async Task<RaftTestCluster> StartAsync(
        int nodes = 3, int groups = 1, Func<RaftHostOptions, RaftHostOptions>? configure = null, int? voters = null, int firstGroup = 1)
    {
        var cluster = new RaftTestCluster(nodes, groups, voters ?? nodes, firstGroup, configure);
        foreach (var node in cluster.Nodes)
        {
            await cluster.StartNodeAsync(node);
        }

        return cluster;
    }

    public RaftHost Host(NodeId node) => _hosts[node];

    public RaftGroup Group(NodeId node, int group = 1) => _hosts[node].Groups.Single(open => open.Id.Value == group);

    /// <summary>The replica of a node that may be stopping at this moment.</summary>
    public RaftGroup? TryGroup(NodeId node) => Find(node, 1);

    private RaftGroup? Find(NodeId node, int group) =>
        _hosts.TryGetValue(node, out var host) ? host.Groups.FirstOrDefault(open => open.Id.Value == group) : null;

    public JournalMachine Machine(NodeId node, int group = 1) => (JournalMachine)Group(node, group).Machine;

    public string DirectoryOf(NodeId node) => Path.Combine(_root, node.Value);

    public bool IsUp(NodeId node) => _hosts.ContainsKey(node);

    public async Task StartNodeAsync(NodeId node)
    {
        var host = await StartHostAsync(node, DirectoryOf(node));
        _addresses[node] = host.ListenEndPoint;
        _hosts[node] = host;
        foreach (var ((_, _), spec) in _replicas.Where(replica => replica.Key.Node == node).OrderBy(replica => replica.Key.Group))
        {
            await OpenAsync(node, spec);
        }
    }

    /// <summary>A process of a node on any directory, without replicas; no node connects to it.</summary>
    public Task<RaftHost> StartHostAsync(NodeId node, string directory)
    {
        var options = _configure(new RaftHostOptions
        {
            ClusterId = _clusterId,
            NodeId = node,
            DataDirectory = directory,
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            Resolve = other => _addresses.GetValueOrDefault(other),
            Acquaintances = [.. Nodes.Where(other => other != node)],
            LogSegmentBytes = 1 << 20,
            LogBytesMax = 16 << 20,
            LogEntriesKept = 100_000,
            Gate = Gate,
            Authentication = Transport.Wires.Authentication(),
            CommitWitness = (group, index) => Proof.OnCommit(node, (RaftGroup)group, index),
            Timings = new RaftTimings { ElectionMin = TimeSpan.FromMilliseconds(500), ElectionMax = TimeSpan.FromMilliseconds(1000), RequestTimeout = TimeSpan.FromMilliseconds(400) },
        });
        return RaftHost.StartAsync(options, Loggers(), CancellationToken.None);
    }

    /// <summary>Copies a node's directory in its present state, and returns the path of the copy.</summary>
    public string CopyDirectoryOf(NodeId node)
    {
        var copy = DirectoryOf(node) + "-copy";
        Copy(DirectoryOf(node), copy);
        return copy;
    }

    /// <summary>Replaces the directory of a stopped node with a copy.</summary>
    public void RestoreDirectoryOf(NodeId node, string copy)
    {
        Directory.Delete(DirectoryOf(node), recursive: true);
        Copy(copy, DirectoryOf(node));
    }

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var directory in Directory.GetDirectories(from, "*", SearchOption.AllDirectories))
        {
            Directory.CreateDirectory(to + directory[from.Length..]);
        }

        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories).Where(static file => Path.GetFileName(file) != "LOCK"))
        {
            File.Copy(file, to + file[from.Length..]);
        }
    }

    /// <summary>Opens a learner, which the node opens again after a restart.</summary>
    public Task<RaftGroup> LearnAsync(NodeId node, int incarnation, IReadOnlyList<GroupVoter> voters, int group = 1)
    {
        var spec = new GroupSpec(new GroupId(group), incarnation, voters, IsLearner: true);
        Proof.ExpectChanges(spec.Group);
        _replicas[(node, spec.Group)] = spec;
        return OpenAsync(node, spec);
    }

    /// <summary>Closes a replica permanently and deletes it.</summary>
    public async Task DropAsync(NodeId node, int group = 1)
    {
        Assert.True(_replicas.TryRemove((node, new GroupId(group)), out var spec));
        if (_hosts.TryGetValue(node, out var host))
        {
            await host.CloseGroupAsync(spec.Group);
            await host.DropReplicaAsync(new GroupReplica(spec.Group, spec.Incarnation));
        }
    }

    /// <summary>Closes a replica and opens it again with another state machine's directory, as its owner does if the state is damaged.</summary>
    public async Task<RaftGroup> ReopenWithoutStateAsync(NodeId node, Func<GroupSpec, GroupSpec> change, int group = 1)
    {
        var spec = _replicas[(node, new GroupId(group))];
        await _hosts[node].CloseGroupAsync(spec.Group);
        Directory.Delete(MachineDirectory(node, spec), recursive: true);
        return await OpenAsync(node, change(spec));
    }

    public void DeleteState(NodeId node, int group = 1) => Directory.Delete(MachineDirectory(node, _replicas[(node, new GroupId(group))]), recursive: true);

    private string MachineDirectory(NodeId node, GroupSpec spec) => Path.Combine(DirectoryOf(node), $"machine-{spec.Group}-r{spec.Incarnation}");

    private async Task<RaftGroup> OpenAsync(NodeId node, GroupSpec spec)
    {
        var machine = new JournalMachine(MachineDirectory(node, spec));
        var open = await _hosts[node].OpenGroupAsync(spec, machine, CancellationToken.None);
        Proof.Track(node, open);
        return open;
    }

    /// <summary>From now on the others reach another listener at the address of a node.</summary>
    public void Impersonate(NodeId node, IPEndPoint address) => _addresses[node] = address;

    public async Task StopNodeAsync(NodeId node)
    {
        if (_hosts.TryRemove(node, out var host))
        {
            await host.DisposeAsync();
        }
    }

    /// <summary>Stops a node; its state machines lose their unflushed data, as on kill -9.</summary>
    public async Task CrashNodeAsync(NodeId node)
    {
        if (_hosts.TryGetValue(node, out var host))
        {
            host.IsDoomed = true;
            foreach (var group in host.Groups)
            {
                ((JournalMachine)group.Machine).IsDoomed = true;
            }
        }

        await StopNodeAsync(node);
    }

    public Task<NodeId> LeaderAsync(int group = 1) => EventuallyAsync(
        () => _hosts.Keys
            .Select(node => (Node: node, Group: Find(node, group)))
            .Where(replica => replica.Group is { IsLeader: true })
            .OrderByDescending(replica => replica.Group!.Term)
            .Select(replica => (NodeId?)replica.Node)
            .FirstOrDefault(),
        $"a leader of group {group}");

    /// <summary>Proposes through the present leader until the command is applied; a command with an unknown outcome is proposed again with a new text.</summary>
    public async Task<string> AppendAsync(string command, int group = 1)
    {
        for (var attempt = 0; ; attempt++)
        {
            var text = attempt == 0 ? command : $"{command}#{attempt}";
            var leader = await LeaderAsync(group);
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(5));
            var result = await Group(leader, group).ProposeAsync(Encoding.UTF8.GetBytes(text), limit.Token);
            if (result.Status == ProposalStatus.Applied)
            {
                return text;
            }
        }
    }

    /// <summary>Waits until every node that is up has applied the same commands.</summary>
    public Task<IReadOnlyList<string>> ConvergedAsync(int group = 1) => EventuallyAsync(
        () =>
        {
            var journals = _hosts.Keys.Where(node => Find(node, group) is not null).Select(node => Machine(node, group)).ToArray();
            return journals.Select(journal => (journal.Applied.Index, journal.Digest())).Distinct().Count() == 1 ? journals[0].Commands : null;
        },
        $"equal replicas of group {group}");

    public static async Task<T> EventuallyAsync<T>(Func<T?> look, string what)
        where T : class
    {
        using var limit = new CancellationTokenSource(Patience);
        while (look() is var seen)
        {
            if (seen is not null)
            {
                return seen;
            }

            if (limit.IsCancellationRequested)
            {
                break;
            }

            await Task.Delay(10);
        }

        throw new TimeoutException($"Waited {Patience.TotalSeconds:0} s for {what}.");
    }

    public static async Task<T> EventuallyAsync<T>(Func<T?> look, string what)
        where T : struct
    {
        var found = await EventuallyAsync(() => look() is { } seen ? new object[] { seen } : null, what);
        return (T)found[0];
    }

    public static Task EventuallyAsync(Func<bool> holds, string what) =>
        EventuallyAsync(() => holds() ? string.Empty : null, what);

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes)
        {
            await StopNodeAsync(node);
        }

        Directory.Delete(_root, recursive: true);
        Assert.Empty(Proof.Violations);
    }

    private static ILoggerFactory Loggers() =>
        Environment.GetEnvironmentVariable("KVRAFT_TEST_LOG") is { } file ? new FileLoggers(file) : NullLoggerFactory.Instance;
}
