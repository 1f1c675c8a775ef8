using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.Node.Answers;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Tests.Running;

/// <summary>One test measures the memory of the process, which tests beside it would use as well.</summary>
[CollectionDefinition(nameof(AloneInTheProcess), DisableParallelization = true)]
public sealed class AloneInTheProcess;

/// <summary>A node with the smallest budget for answers: a call that needs a page of every shard, or a copy of every replica, succeeds or is refused with the reason.</summary>
[Collection(nameof(AloneInTheProcess))]
public sealed class SmallNodeTests
{
    private const int Shards = 64;
    private const int Values = 96;
    private const long BudgetBytes = 16L << 20;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_ordered_scan_of_large_values_over_many_shards_holds_what_fits_and_misses_nothing(bool reverse)
    {
        await using var cluster = await StartAsync(nodes: 1, Shards);
        var kv = cluster.Kv(0);
        var value = new byte[512 << 10];
        for (var i = 0; i < Values; i++)
        {
            // Every third value is small, and comes in its page.
            await kv.PutAsync(new PutRequest { Key = Key(i), Value = ByteString.CopyFrom(i % 3 == 0 ? [(byte)i] : value) });
        }

        var (found, most) = (new List<(string Key, int Bytes)>(), 0L);
        using (var scan = kv.Scan(new ScanRequest { Ordered = true, Reverse = reverse }))
        {
            while (await scan.ResponseStream.MoveNext(CancellationToken.None))
            {
                found.AddRange(scan.ResponseStream.Current.Items.Select(static item => (item.Key.ToStringUtf8(), item.State.Value.Length)));
                most = Math.Max(most, cluster.Nodes[0]!.Service<AnswerBudget>().Bytes);
            }
        }

        var expected = Enumerable.Range(0, Values).Select(i => (Key(i).ToStringUtf8(), i % 3 == 0 ? 1 : value.Length));
        Assert.Equal(reverse ? expected.Reverse() : expected, found);
        Assert.InRange(most, 1, BudgetBytes / 2);
        await NothingIsHeldAsync(cluster);
    }

    [Fact]
    public async Task Many_readers_of_an_eventual_key_with_large_values_get_all_of_them_or_a_typed_refusal()
    {
        await using var cluster = await StartAsync(nodes: 3, shards: 1);
        await new Keyspaces.KeyspacesClient(cluster.Channel(0)).CreateAsync(
            new CreateKeyspaceRequest { Keyspace = new KeyspaceInfo { Name = "many", Mode = KeyspaceMode.Eventual } });
        var kv = Enumerable.Range(0, 3).Select(node => new EventualKv.EventualKvClient(cluster.Channel(node))).ToArray();
        var (header, key) = (new RequestHeader { Keyspace = "many" }, ByteString.CopyFromUtf8("k"));
        for (var i = 0; i < 19; i++)
        {
            await kv[0].PutAsync(new EventualPutRequest { Header = header, Key = key, Value = ByteString.CopyFrom(Enumerable.Repeat((byte)i, 100_000).ToArray()) });
        }

        var answers = await Task.WhenAll(Enumerable.Range(0, 90).Select(async i =>
        {
            try
            {
                return (await kv[i % 3].GetAsync(new EventualGetRequest { Header = header, Key = key })).Values.Count;
            }
            catch (RpcException refused)
            {
                var info = refused.GetRpcStatus()!.GetDetail<ErrorInfo>()!;


                // This node has no budget left, or another one has none to send it its state.
                Assert.True(info.Reason is ErrorReasons.Overloaded or ErrorReasons.QuorumNotReached, info.Reason);
                Assert.Equal(ErrorReasons.NotExecuted, info.Metadata[ErrorReasons.ExecutionKey]);
                Assert.Equal(info.Reason == ErrorReasons.Overloaded ? "limits.answerBytesInHandMax" : null, info.Metadata.GetValueOrDefault("setting"));
                return -1;
            }
        }));

        Assert.All(answers, static count => Assert.True(count is -1 or 19, $"{count} values"));
        Assert.Contains(19, answers);
        Assert.Contains(-1, answers);
        await NothingIsHeldAsync(cluster);
        Assert.Equal(19, (await kv[0].GetAsync(new EventualGetRequest { Header = header, Key = key })).Values.Count);
    }

    // The queue of a pipe's answers held those that had been sent already: 4,096 reads of a large value, one after the other, filled a node.
    [Fact]
    public async Task A_pipe_keeps_no_answer_that_was_sent()
    {
        await using var cluster = await StartAsync(nodes: 1, shards: 1);
        var (kv, key) = (cluster.Kv(0), ByteString.CopyFromUtf8("k"));
        await kv.PutAsync(new PutRequest { Key = key, Value = ByteString.CopyFrom(new byte[1 << 20]) });
        using var pipe = kv.Pipe();
        await ReadAsync(pipe, key, 8);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        await ReadAsync(pipe, key, 300);

        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 100L << 20);
        await pipe.RequestStream.CompleteAsync();
    }

    private static async Task ReadAsync(AsyncDuplexStreamingCall<PipeRequest, PipeResponse> pipe, ByteString key, int count)
    {
        var request = new PipeRequest();
        request.Calls.Add(Enumerable.Range(0, count).Select(i => new PipeCall { CorrelationId = i, Get = new GetRequest { Key = key } }));
        await pipe.RequestStream.WriteAsync(request);
        for (var left = count; left > 0; left -= pipe.ResponseStream.Current.Answers.Count)
        {
            Assert.True(await pipe.ResponseStream.MoveNext(CancellationToken.None));
        }
    }

    private static Task<RunningCluster> StartAsync(int nodes, int shards) => RunningCluster.StartAsync(
        nodes, shards, static options => options with { Limits = new Limits { DiskReserveBytes = 0, AnswerBytesInHandMax = BudgetBytes } });

    private static ByteString Key(int i) => ByteString.CopyFromUtf8($"k{i:0000}");

    private static async Task NothingIsHeldAsync(RunningCluster cluster)
    {
        using var limit = new CancellationTokenSource(RunningCluster.Patience);
        while (cluster.Nodes.Any(static node => node!.Service<AnswerBudget>().Bytes != 0))
        {
            await Task.Delay(20, limit.Token);
        }
    }
}
