using KvRaft.Raft.Groups;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Topology;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>
/// A checkpoint is installed with its member list or not at all. The list was saved after the state and the log: on a disk that was full for a moment the replica went on with voters of
/// several changes ago, for good, because a log that begins at the checkpoint has no configuration entry, and could elect a leader with the majority of an old list.
/// </summary>
public sealed class CheckpointMembersTests
{
    [Fact]
    public async Task A_checkpoint_whose_member_list_cannot_be_saved_is_installed_when_it_can()
    {
        var disk = new FullForMembers();
        await using var cluster = await RaftTestCluster.StartAsync(nodes: 5, voters: 3, configure: options => options with { LogEntriesKept = 0, FileSystem = disk.Of(options.NodeId) });
        await cluster.AppendAsync("first");
        var leader = await cluster.LeaderAsync();
        var late = cluster.Nodes.Take(3).First(node => node != leader);
        var gone = cluster.Nodes.Take(3).Last(node => node != leader);
        await cluster.CrashNodeAsync(late);
        await AddAsync(cluster, new("n4"));
        await ChangeAsync(cluster, group => group.RemoveVoterAsync(new GroupVoter(gone, 1), Limit()), voters => voters.All(voter => voter.Node != gone));
        await AddAsync(cluster, new("n5"));
        for (var i = 0; i < 20; i++)
        {
            await cluster.AppendAsync($"command-{i}");
        }

        foreach (var node in cluster.Nodes.Where(cluster.IsUp))
        {
            await cluster.Group(node).FlushAsync(keepEntries: 0, CancellationToken.None);
        }

        disk.Fill(late);
        await cluster.StartNodeAsync(late);
        await disk.Refused.WaitAsync(RaftTestCluster.Patience);
        var before = (cluster.Machine(late).Applied.Index, Names(cluster, late));
        disk.Empty();
        await cluster.AppendAsync("later");
        leader = await cluster.LeaderAsync();
        await RaftTestCluster.EventuallyAsync(() => cluster.Machine(late).Applied.Index == cluster.Machine(leader).Applied.Index, "the late replica to follow");

        Assert.True(before.Index < cluster.Group(leader).Status().LogStart.Index, $"it had installed the checkpoint ({before.Index}) with the voters {before.Item2}");
        Assert.Equal(Names(cluster, leader), Names(cluster, late));
    }

    /// <summary>
    /// The state ran past a committed configuration that was not saved yet. When it was flushed and the log was cut behind it, no start found the configuration again, and the list stayed old.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_replica_that_ends_before_a_committed_member_list_is_saved_has_it_after_the_start(bool isCrash)
    {
        var disk = new FullForMembers();
        await using var cluster = await RaftTestCluster.StartAsync(nodes: 4, voters: 3, configure: options => options with { LogEntriesKept = 0, FileSystem = disk.Of(options.NodeId) });
        await cluster.AppendAsync("first");
        var leader = await cluster.LeaderAsync();
        var victim = cluster.Nodes.Take(3).First(node => node != leader);
        disk.Fill(victim);
        await AddAsync(cluster, new("n4"));
        await disk.Refused.WaitAsync(RaftTestCluster.Patience);
        for (var i = 0; i < 20; i++)
        {
            await cluster.AppendAsync($"command-{i}");
        }

        await RaftTestCluster.EventuallyAsync(() => cluster.Group(victim).Status().CommitIndex >= cluster.Machine(leader).Applied.Index, "the commit index to arrive");
        await cluster.Group(victim).FlushAsync(keepEntries: 0, CancellationToken.None);
        await (isCrash ? cluster.CrashNodeAsync(victim) : cluster.StopNodeAsync(victim));
        disk.Empty();
        await cluster.StartNodeAsync(victim);
        await cluster.AppendAsync("later");
        leader = await cluster.LeaderAsync();
        await RaftTestCluster.EventuallyAsync(() => cluster.Machine(victim).Applied.Index == cluster.Machine(leader).Applied.Index, "the replica to follow");

        // What is applied is behind the configuration, so the list is saved; Raft takes it over a moment later.
        await RaftTestCluster.EventuallyAsync(() => Names(cluster, leader) == Names(cluster, victim), "the replica to count the present voters");
    }

    /// <summary>The leader continued to lead, answered no linearizable read any more, and reported no fault.</summary>
    [Fact]
    public async Task A_leader_that_cannot_save_a_member_list_leaves_its_group()
    {
        var disk = new FullForMembers { Refusal = static () => new IOException("Input/output error", 5) };
        await using var cluster = await RaftTestCluster.StartAsync(nodes: 4, voters: 3, configure: options => options with { FileSystem = disk.Of(options.NodeId) });
        await cluster.AppendAsync("first");
        var leader = await cluster.LeaderAsync();
        var fourth = new NodeId("n4");
        await cluster.LearnAsync(fourth, 1, cluster.Group(leader).Voters());
        await RaftTestCluster.EventuallyAsync(() => cluster.Machine(fourth).Applied.Index >= cluster.Machine(leader).Applied.Index, "n4 to follow");
        disk.Fill(leader);
        var change = cluster.Group(leader).AddVoterAsync(new GroupVoter(fourth, 1), Limit());
        await disk.Refused.WaitAsync(RaftTestCluster.Patience);
        await change.ContinueWith(static done => done.Exception, TaskScheduler.Default);

        await RaftTestCluster.EventuallyAsync(() => cluster.Group(leader).Status().State == ReplicaState.Failed, "the leader to fail");
        await RaftTestCluster.EventuallyAsync(() => cluster.Nodes.Any(node => node != leader && cluster.Group(node).IsLeader), "a successor");
        await cluster.AppendAsync("second");
    }

    /// <summary>The first voters that a start writes may be changes old; and a file in the place of a directory stopped the replica at each start until an operator removed it.</summary>
    [Theory]
    [InlineData("", false)]
    [InlineData("", true)]
    [InlineData("members", false)]
    [InlineData("members", true)]
    [InlineData("members.sum", true)]
    [InlineData("shell", true)]
    public async Task A_replica_whose_files_are_lost_or_misplaced_gets_the_present_voters(string name, bool isMisplaced)
    {
        await using var cluster = await RaftTestCluster.StartAsync(nodes: 4, voters: 3);
        await cluster.AppendAsync("first");
        await AddAsync(cluster, new("n4"));
        await cluster.AppendAsync("second");
        var victim = cluster.Nodes[0];
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(victim).Voters().Count == 4, "the replica to have the new voter");
        await cluster.StopNodeAsync(victim);
        var path = Path.Combine(GroupDirectory.Of(cluster.DirectoryOf(victim), new ReplicaKey(new GroupId(1), 1)), name).TrimEnd(Path.DirectorySeparatorChar);
        var isDirectory = Directory.Exists(path);
        Storage.DurableFile.Delete(path);
        if (isMisplaced && isDirectory)
        {
            await File.WriteAllTextAsync(path, "a file");
        }
        else if (isMisplaced)
        {
            Directory.CreateDirectory(path);
        }

        await cluster.StartNodeAsync(victim);
        await cluster.AppendAsync("third");
        await RaftTestCluster.EventuallyAsync(() => cluster.Group(victim).IsRunning, "the replica to serve again");
        await cluster.ConvergedAsync();

        Assert.Null(cluster.Group(victim).Fault);
        Assert.Equal(Names(cluster, await cluster.LeaderAsync()), Names(cluster, victim));
    }

    private static string Names(RaftTestCluster cluster, NodeId node) => string.Join(",", cluster.Group(node).Voters().Select(static voter => voter.Node.Value).Order(StringComparer.Ordinal));

    private static async Task AddAsync(RaftTestCluster cluster, NodeId node)
    {
        var leader = await cluster.LeaderAsync();
        await cluster.LearnAsync(node, 1, cluster.Group(leader).Voters());
        await RaftTestCluster.EventuallyAsync(() => cluster.Machine(node).Applied.Index >= cluster.Machine(leader).Applied.Index, $"{node} to follow");
        await ChangeAsync(cluster, group => group.AddVoterAsync(new GroupVoter(node, 1), Limit()), voters => voters.Any(voter => voter.Node == node));
    }

    private static async Task ChangeAsync(RaftTestCluster cluster, Func<RaftGroup, Task<MembershipChange>> change, Func<IReadOnlyList<GroupVoter>, bool> isDone)
    {
        while (await cluster.LeaderAsync() is var leader && !isDone(cluster.Group(leader).Voters()))
        {
            await change(cluster.Group(leader));
        }
    }

    private static CancellationToken Limit() => new CancellationTokenSource(TimeSpan.FromSeconds(10)).Token;

    /// <summary>The disk of one node refuses the files of member lists.</summary>
    private sealed class FullForMembers
    {
        private readonly TaskCompletionSource _refused = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile object? _full;

        public Func<IOException> Refusal { get; init; } = static () => new IOException("No space left on device", 28);

        /// <summary>Completes when a write was refused.</summary>
        public Task Refused => _refused.Task;

        public void Fill(NodeId node) => _full = node;

        public void Empty() => _full = null;

        public IFileSystem Of(NodeId node) => new Disk(this, node);

        private sealed class Disk(FullForMembers owner, NodeId node) : IFileSystem
        {
            private readonly OsFileSystem _inner = OsFileSystem.Instance;

            public void CreateDirectory(string path) => _inner.CreateDirectory(path);

            public IReadOnlyList<string> ListFiles(string directory) => _inner.ListFiles(directory);

            public IFile Open(string path, FileOpening opening) => _inner.Open(path, opening);

            public long FreeBytes(string directory) => _inner.FreeBytes(directory);

            public void Delete(string path) => _inner.Delete(path);

            public void Rename(string from, string to) => _inner.Rename(from, to);

            public void SyncDirectory(string path)
            {
                if (owner._full is NodeId full && full == node && path.Contains("groups", StringComparison.Ordinal))
                {
                    owner._refused.TrySetResult();
                    throw owner.Refusal();
                }

                _inner.SyncDirectory(path);
            }

            public IDisposable Lock(string path) => _inner.Lock(path);
        }
    }
}
