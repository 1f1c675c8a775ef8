using System.Collections.Concurrent;
using System.Net;
using Google.Protobuf;
using KvRaft.Node.Answers;
using KvRaft.Node.Cluster;
using KvRaft.Node.KeyValue;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Ranges;
using KvRaft.Node.Requests;
using KvRaft.Node.ShardRequests;
using KvRaft.Node.Shards;
using KvRaft.Node.Telemetry;
using KvRaft.Node.Tests.Options;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Options;
using KvRaft.Storage;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Sessions;
using KvRaft.Storage.Shards;
using KvRaft.Storage.State;
using KvRaft.Topology;
using KvRaft.V1;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using StoredKeyspaceId = KvRaft.Storage.Schema.KeyspaceId;
using StoredScanRequest = KvRaft.Storage.Shards.ScanRequest;

namespace KvRaft.Node.Tests.ShardRequests;

/// <summary>
/// Reads that any replica may answer, by a clock that the test moves. The store catches up with the leader after it was read and before the answer, as it may happen between
/// any two instructions of a read: the data are as old as they were before.
/// </summary>
public sealed class NearReadTests : IAsyncLifetime
{
    private static readonly TimeSpan SinceCaughtUp = TimeSpan.FromSeconds(2);
    private static readonly KeyspaceDescriptor Keyspace = new() { Id = Topology.KeyspaceId.Default, Name = "default" };

    private readonly string _directory = Directory.CreateTempSubdirectory("kvraft-age-").FullName;
    private readonly Guid _clusterId = Guid.NewGuid();
    private readonly FakeTimeProvider _time = new();
    private readonly ConcurrentDictionary<NodeId, IPEndPoint> _addresses = new();
    private readonly List<RaftHost> _hosts = [];
    private ShardReplica? _replica;
    private Action _between = static () => { };

    public async ValueTask InitializeAsync()
    {
        _replica = await OpenAsync("n1", "shard");
        var other = await OpenAsync("n2", "shard");
        while (!_replica.IsLeader && !other.IsLeader)
        {
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        while (!await _replica.TryCatchUpAsync(TimeSpan.FromMinutes(1)))
        {
            // The replica has no record of the leader yet.
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }

        await CatchUpAsync();
        _time.Advance(SinceCaughtUp);
        _between = () => Task.Run(CatchUpAsync).GetAwaiter().GetResult();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public async Task A_catch_up_between_the_read_of_a_key_and_its_answer_does_not_make_it_younger()
    {
        var call = new PipeCall { Get = new GetRequest { Key = ByteString.CopyFromUtf8("key"), Options = new() { Any = new() } } };

        var answer = await Read(call).TryReadHereAsync(_replica, Later(), CancellationToken.None);

        Assert.True(_replica!.Age < SinceCaughtUp, "it has caught up meanwhile");
        Assert.Equal((long)SinceCaughtUp.TotalMilliseconds, answer.Answer!.Get.Header.StalenessMs);
    }

    [Fact]
    public async Task A_catch_up_between_the_read_of_a_page_and_its_answer_does_not_make_it_younger()
    {
        var request = new V1.ScanRequest { Options = new() { Any = new() } };
        var place = new ResumeToken(default, Keyspace.Id, 1, new ShardId(0), null);
        var plan = new ScanPlan(Keyspace, default, place, new ShardId(0)) { ChunkBytesMax = 1024, PageBytesHardMax = 4096, ValueBytesMax = 1024, RowsMax = 100 };

        var chunk = await new ScanShardRequest(request, plan, place, 10, 1024, Headers(), _time).TryReadHereAsync(_replica, Later());

        Assert.True(_replica!.Age < SinceCaughtUp, "it has caught up meanwhile");
        Assert.Equal((long)SinceCaughtUp.TotalMilliseconds, chunk!.Header.StalenessMs);
    }

    [Fact]
    public async Task The_time_a_read_takes_is_part_of_its_age()
    {
        _between = () => _time.Advance(TimeSpan.FromSeconds(1));
        var call = new PipeCall { Get = new GetRequest { Key = ByteString.CopyFromUtf8("key"), Options = new() { Any = new() } } };

        var answer = await Read(call).TryReadHereAsync(_replica, Later(), CancellationToken.None);

        Assert.Equal(3_000, answer.Answer!.Get.Header.StalenessMs);
    }

    /// <summary>If the disk failed under reads of a pipe, or of a long-lived connection, each of them left less capacity, until no request was answered.</summary>
    [Fact]
    public async Task A_read_that_fails_gives_its_room_back()
    {
        var call = new PipeCall { Get = new GetRequest { Key = ByteString.CopyFromUtf8("key"), Options = new() { Any = new() } } };
        _between = static () => throw new StorageException("planted");

        await Assert.ThrowsAsync<StorageException>(async () => await Read(call).TryReadHereAsync(_replica, Later(), CancellationToken.None));
        Assert.Equal(0, _window.Bytes);

        _between = static () => { };
        var answer = (await Read(call).TryReadHereAsync(_replica, Later(), CancellationToken.None)).Answer!;
        Assert.Equal(OperationTable.HeldBytes(answer), _window.Bytes);
    }

    /// <summary>It restarts with a store that lost its unflushed data, and receives no commit index.</summary>
    [Fact]
    public async Task A_replica_that_has_not_applied_again_what_it_had_applied_answers_nothing()
    {
        var call = new PipeCall { Get = new GetRequest { Key = ByteString.CopyFromUtf8("key"), Options = new() { Any = new() } } };
        Assert.NotNull((await Read(call).TryReadHereAsync(_replica, Later(), CancellationToken.None)).Answer);

        await StopAsync();
        _replica = await OpenAsync("n1", "shard-again");

        Assert.Equal(0, _replica.Store.Applied.Index);
        Assert.Equal(default, await Read(call).TryReadHereAsync(_replica, Later(), CancellationToken.None));
        var request = new V1.ScanRequest { Options = new() { Any = new() } };
        var place = new ResumeToken(default, Keyspace.Id, 1, new ShardId(0), null);
        var plan = new ScanPlan(Keyspace, default, place, new ShardId(0)) { ChunkBytesMax = 1024, PageBytesHardMax = 4096, ValueBytesMax = 1024, RowsMax = 100 };
        Assert.Null(await new ScanShardRequest(request, plan, place, 10, 1024, Headers(), _time).TryReadHereAsync(_replica, Later()));
    }

    private async Task<ShardReplica> OpenAsync(string node, string directory)
    {
        var root = Path.Combine(_directory, node);
        var options = new RaftHostOptions
        {
            ClusterId = _clusterId,
            NodeId = new NodeId(node),
            DataDirectory = root,
            Listen = new IPEndPoint(IPAddress.Loopback, 0),
            Resolve = other => _addresses.GetValueOrDefault(other),
            LogSegmentBytes = 1 << 20,
        };
        var host = await RaftHost.StartAsync(options, NullLoggerFactory.Instance, CancellationToken.None);
        _hosts.Add(host);
        _addresses[options.NodeId] = host.ListenEndPoint;
        var store = ShardStateMachine.Open(Path.Combine(root, directory), new InMemoryEngines(), ShardSettings.Default);
        GroupVoter[] voters = [new(new NodeId("n1"), 1), new(new NodeId("n2"), 1)];
        var group = await host.OpenGroupAsync(new GroupSpec(new GroupId(1), 1, voters), store, CancellationToken.None);
        return new ShardReplica(new ShardId(0), group, new BetweenReadAndAnswer(store, () => _between()), new LatencyWindow(_time), _time);
    }

    private async Task StopAsync()
    {
        foreach (var host in _hosts)
        {
            await host.DisposeAsync();
        }

        _hosts.Clear();
    }

    private async Task CatchUpAsync() => Assert.True(await _replica!.TryCatchUpAsync(TimeSpan.FromMinutes(1)));

    private SingleKeyReadRequest Read(PipeCall call) => new(
        new GetOperation(), call, Keyspace.Id, Headers(), AnswerRoom.Of(null, _window, new KvRaft.Node.Options.Limits()), _time);

    private readonly AnswerWindow _window = new(
        new AnswerShare(new AnswerBudget(
            SomeOptions.SingleNode(), new AnswerSends(SomeOptions.SingleNode(), new NodeFailure(), TimeProvider.System, NullLogger<AnswerSends>.Instance))),
        1 << 20, WindowFull.Refuse, 1024);

    private AnswerHeaders Headers() => new(SomeOptions.SingleNode(), new ShardMapHolder());

    private Deadline Later() => Deadline.Of(new RequestHeader { TimeoutMs = 60_000 }, DateTime.MaxValue, new KvRaft.Node.Options.Limits(), _time);

    /// <summary>A store in which an event happens after a read and before its answer.</summary>
    private sealed class BetweenReadAndAnswer(IShardStore store, Action between) : IShardStore
    {
        public long Clock => store.Clock;

        public long Revision => store.Revision;

        public long FirstExpiryMs => store.FirstExpiryMs;

        public ShardStatistics Statistics => store.Statistics;

        public LogPosition Applied => store.Applied;

        public LogPosition Durable => store.Durable;

        public StoredValue? Get(StoredKeyspaceId keyspace, ReadOnlySpan<byte> key) => Read(keyspace, key, int.MaxValue).Value;

        public StoredRead Read(StoredKeyspaceId keyspace, ReadOnlySpan<byte> key, int valueBytesMax)
        {
            var read = store.Read(keyspace, key, valueBytesMax);
            between();
            return read;
        }

        public ScanPage Scan(StoredScanRequest request)
        {
            var page = store.Scan(request);
            between();
            return page;
        }

        public RequestFate GetRequestResult(RequestStamp stamp) => store.GetRequestResult(stamp);

        public (LogPosition Position, long Revision, ulong Digest) DigestAtPosition() => store.DigestAtPosition();

        public KeyspaceCounters GetKeyspaceCounters(StoredKeyspaceId keyspace) => store.GetKeyspaceCounters(keyspace);

        public IReadOnlyList<IReadOnlyList<Outcome>> Apply(IReadOnlyList<CommittedEntry> entries) => store.Apply(entries);

        public void Flush() => store.Flush();

        public LogPosition SaveCheckpoint(string directory) => store.SaveCheckpoint(directory);

        public void InstallCheckpoint(string directory) => store.InstallCheckpoint(directory);

        public ulong Digest() => store.Digest();

        public ReadOnlyMemory<byte>? DueCommand(long nowMs) => store.DueCommand(nowMs);

        public void Dispose() => store.Dispose();
    }
}
