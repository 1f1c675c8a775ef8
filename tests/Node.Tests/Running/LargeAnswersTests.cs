using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.Node.Answers;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Tests.Running;

/// <summary>
/// Requests of a few bytes whose answers are megabytes. An answer that does not fit into a message is refused before the request is executed, at whichever node the request
/// arrives; an answer that is not read is ended; and at the end a node holds no bytes for answers.
/// </summary>
public sealed class LargeAnswersTests(LargeAnswersTests.Cluster cluster) : IClassFixture<LargeAnswersTests.Cluster>
{
    private const int ValueBytes = 1 << 20;
    private const int MessageBytes = 4 << 20;

    private readonly RunningCluster _cluster = cluster.Running;

    private Kv.KvClient Kv(int node) => _cluster.Kv(node);

    private static ByteString Key(int i) => ByteString.CopyFromUtf8($"{{t}}/{i}");

    private static RequestHeader Tagged(RequestIdentity? identity = null) => new() { Keyspace = "tagged", Identity = identity };

    [Fact]
    public async Task Answers_that_do_not_fit_are_refused_and_nothing_is_done_whichever_node_is_asked()
    {
        for (var node = 0; node < 3; node++)
        {
            await RefuseTransactionAsync(Kv(node));
            await AnswerWhatFitsAsync(Kv(node));
            await RefuseItemsAsync(Kv(node));
            await RefuseAboveTheCallersLimitAsync(Kv(node));
        }

        await NothingIsHeldAsync();
    }

    private static async Task RefuseTransactionAsync(Kv.KvClient kv)
    {
        var request = new TxnRequest { Header = Tagged() };
        request.Success.Add(new TxnOperation { Put = new() { Key = ByteString.CopyFromUtf8("{t}/mark"), Value = ByteString.CopyFromUtf8("done") } });
        request.Success.Add(Enumerable.Range(0, 127).Select(i => new TxnOperation { Get = new() { Key = Key(i % 2) } }));
        var refused = await Assert.ThrowsAsync<RpcException>(async () => await kv.TxnAsync(request));

        AssertTooLarge(refused);
        Assert.False((await kv.GetAsync(new GetRequest { Header = Tagged(), Key = ByteString.CopyFromUtf8("{t}/mark") })).Found);
    }

    private static async Task AnswerWhatFitsAsync(Kv.KvClient kv)
    {
        var request = new TxnRequest { Header = Tagged() };
        request.Success.Add(Enumerable.Range(0, 3).Select(i => new TxnOperation { Get = new() { Key = Key(i) } }));
        var answer = await kv.TxnAsync(request);
        Assert.Equal(["v0", "v1", "v2"], answer.Results.Select(static result => Name(result.State)));

        var failed = await kv.PutAsync(new PutRequest { Header = Tagged(), Key = Key(3), Condition = new() { Absent = true } });
        Assert.Equal((false, "v3"), (failed.Applied, Name(failed.Current)));
    }

    private static async Task RefuseItemsAsync(Kv.KvClient kv)
    {
        var reads = new MultiGetRequest { Header = Tagged() };
        reads.Keys.Add(Enumerable.Range(0, 8).Select(Key));
        var read = await kv.MultiGetAsync(reads);
        Assert.Equal(3, read.Items.Count(static item => item.Found));
        Assert.All(read.Items.Where(static item => item.Error is not null), static item => Assert.Equal(ErrorReasons.LimitExceeded, item.Error.Reason));

        var writes = new MultiSetRequest { Header = Tagged() };
        writes.Items.Add(Enumerable.Range(0, 8).Select(i => new MultiSetRequest.Types.Item
        {
            Key = Key(i),
            Condition = new() { Absent = true },
        }));
        var written = await kv.MultiSetAsync(writes);
        Assert.Equal(3, written.Items.Count(static item => item.Error is null));
        Assert.Equal(Enumerable.Range(0, 8).Select(i => written.Items[i].Error is null ? $"v{i}" : null), written.Items.Select(static item => Name(item.Current)));
        Assert.All(
            written.Items.Where(static item => item.Error is not null),
            static item => Assert.Equal((ErrorReasons.LimitExceeded, Execution.NotExecuted), (item.Error.Reason, item.Error.Execution)));
    }

    private static async Task RefuseAboveTheCallersLimitAsync(Kv.KvClient kv)
    {
        var header = Tagged();
        header.AnswerBytesMax = ValueBytes - 1;
        AssertTooLarge(await Assert.ThrowsAsync<RpcException>(async () => await kv.GetAsync(new GetRequest { Header = header, Key = Key(0) })), ValueBytes);
        Assert.Equal(ValueBytes, (await kv.GetAsync(new GetRequest { Header = Tagged(), Key = Key(0) })).Current.Value.Length);
    }

    [Fact]
    public async Task A_repeat_gets_the_first_answer_or_an_error_that_it_was_not_kept()
    {
        var kv = Kv(1);
        var small = ByteString.CopyFromUtf8("small");
        await kv.PutAsync(new PutRequest { Header = Tagged(), Key = Key(100), Value = small });
        var identity = Identity();
        PutRequest Replace(int key, int sequence) => new()
        {
            Header = Tagged(At(identity, sequence)),
            Key = Key(key),
            Value = small,
            Options = new() { ReturnPrevious = true },
        };

        var kept = (await kv.PutAsync(Replace(100, 1)), await kv.PutAsync(Replace(100, 1)));
        Assert.Equal((kept.Item1.Previous, false, true), (kept.Item2.Previous, kept.Item2.Header.ValuesNotKept, kept.Item2.Header.Deduplicated));

        var lost = (await kv.PutAsync(Replace(10, 2)), await kv.PutAsync(Replace(10, 2)));
        Assert.Equal(("v10", false), (Name(lost.Item1.Previous), lost.Item1.Header.ValuesNotKept));
        Assert.Equal((null, true, true, lost.Item1.Version), (lost.Item2.Previous, lost.Item2.Header.ValuesNotKept, lost.Item2.Header.Deduplicated, lost.Item2.Version));

        var delete = new DeleteRequest { Header = Tagged(At(identity, 3)), Key = Key(11), Options = new() { ReturnPrevious = true } };
        var gone = (await kv.DeleteAsync(delete), await kv.DeleteAsync(delete));
        Assert.Equal(("v11", true, true), (Name(gone.Item1.Previous), gone.Item2.Existed, gone.Item2.Header.ValuesNotKept));

        var failing = new PutRequest { Header = Tagged(At(identity, 4)), Key = Key(12), Value = small, Condition = new() { Absent = true } };
        var failed = (await kv.PutAsync(failing), await kv.PutAsync(failing));
        Assert.Equal(("v12", false, true), (Name(failed.Item1.Current), failed.Item2.Applied, failed.Item2.Header.ValuesNotKept));

        var txn = new TxnRequest { Header = Tagged(At(identity, 5)), Success = { new TxnOperation { Get = new() { Key = Key(13) } }, new TxnOperation { Increment = new() { Key = Key(200), Delta = 5 } } } };
        var done = (await kv.TxnAsync(txn), await kv.TxnAsync(txn));
        Assert.Equal("v13", Name(done.Item1.Results[0].State));
        Assert.Equal((true, true, 5L), (done.Item2.Header.ValuesNotKept, done.Item2.Results[0].Found, done.Item2.Results[1].Number));

        var set = new MultiSetRequest { Header = Tagged(At(identity, 6)) };
        set.Items.Add(new MultiSetRequest.Types.Item { Key = Key(13), Value = small, Options = new() { ReturnPrevious = true } });
        set.Items.Add(new MultiSetRequest.Types.Item { Key = Key(100), Value = small, Options = new() { ReturnPrevious = true } });
        var sets = (await kv.MultiSetAsync(set), await kv.MultiSetAsync(set));
        Assert.Equal(["v13", "small"], sets.Item1.Items.Select(static item => Name(item.Previous)));
        Assert.Equal([true, false], sets.Item2.Items.Select(static item => item.ValuesNotKept));
        Assert.Equal(small, sets.Item2.Items[1].Previous.Value);
    }

    [Fact]
    public async Task Transactions_and_atomic_sets_return_what_they_replace_and_other_writes_refuse_to()
    {
        var kv = Kv(2);
        var (a, b) = (ByteString.CopyFromUtf8("{t}/a"), ByteString.CopyFromUtf8("{t}/b"));
        await kv.PutAsync(new PutRequest { Header = Tagged(), Key = a, Value = a });
        var previous = new V1.WriteOptions { ReturnPrevious = true };
        var txn = await kv.TxnAsync(new TxnRequest
        {
            Header = Tagged(),
            Success =
            {
                new TxnOperation { Put = new() { Key = a, Value = b, Options = previous } },
                new TxnOperation { Delete = new() { Key = a, Options = previous } },
                new TxnOperation { Put = new() { Key = b, Value = b, Options = previous } },
            },
        });
        Assert.Equal([a, b, null], txn.Results.Select(static result => result.State?.Value));

        var set = new MultiSetRequest { Header = Tagged(), Atomicity = MultiSetRequest.Types.Atomicity.Shard };
        set.Items.Add(new MultiSetRequest.Types.Item { Key = b, Value = a, Options = previous });
        set.Items.Add(new MultiSetRequest.Types.Item { Key = a, Value = a, Options = previous });
        Assert.Equal([b, null], (await kv.MultiSetAsync(set)).Items.Select(static item => item.Previous?.Value));

        Func<Task>[] refused =
        [
            async () => await kv.IncrementAsync(new IncrementRequest { Header = Tagged(), Key = a, Delta = 1, Options = previous }),
            async () => await kv.TouchAsync(new TouchRequest { Header = Tagged(), Key = a, Options = new() { TtlMs = 1000, ReturnPrevious = true } }),
            async () => await kv.TxnAsync(new TxnRequest { Header = Tagged(), Success = { new TxnOperation { Increment = new() { Key = a, Delta = 1, Options = previous } } } }),
        ];
        foreach (var call in refused)
        {
            var error = (await Assert.ThrowsAsync<RpcException>(call)).GetRpcStatus()!.GetDetail<BadRequest>()!;
            Assert.EndsWith("options.return_previous", error.FieldViolations.Single().Field, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_key_named_twice_is_refused()
    {
        var error = await Assert.ThrowsAsync<RpcException>(async () => await Kv(0).MultiGetAsync(new MultiGetRequest { Header = Tagged(), Keys = { Key(0), Key(1), Key(0) } }));
        Assert.Equal("keys[2]", error.GetRpcStatus()!.GetDetail<BadRequest>()!.FieldViolations.Single().Field);
    }

    [Fact]
    public async Task Pipelined_reads_of_large_values_are_all_answered_within_the_budget()
    {
        const int reads = 200;
        for (var node = 0; node < 3; node++)
        {
            using var pipe = Kv(node).Pipe();
            for (var i = 0; i < reads; i += 50)
            {
                var message = new PipeRequest();
                message.Calls.Add(Enumerable.Range(i, 50).Select(id => new PipeCall
                {
                    CorrelationId = id,
                    Get = new() { Header = new() { Keyspace = "tagged", TimeoutMs = 60_000 }, Key = Key(id % 8) },
                }));
                await pipe.RequestStream.WriteAsync(message);
            }

            var answered = 0;
            while (answered < reads && await pipe.ResponseStream.MoveNext(CancellationToken.None))
            {
                foreach (var answer in pipe.ResponseStream.Current.Answers)
                {
                    Assert.True(answer.Error is null, answer.Error?.Message);
                    Assert.Equal($"v{answer.CorrelationId % 8}", Name(answer.Get.Current));
                    answered++;
                }

                Assert.All(_cluster.Nodes, static running => Assert.InRange(running!.Service<AnswerBudget>().Bytes, 0, 36L << 20));
            }

            await pipe.RequestStream.CompleteAsync();
        }

        await NothingIsHeldAsync();
    }

    [Fact]
    public async Task A_scan_that_is_not_read_ends_with_an_error_and_gives_back_what_it_held()
    {
        using var scan = Kv(0).Scan(new ScanRequest { Header = Tagged() });
        await EndsAsNotReadAsync(scan.ResponseStream);
    }

    [Fact]
    public async Task A_stream_of_reads_that_is_not_read_ends_with_an_error_and_gives_back_what_it_held()
    {
        using var reads = Kv(0).MultiGetStream(new MultiGetRequest { Header = Tagged(), Keys = { Enumerable.Range(0, 8).Select(Key) } });
        await EndsAsNotReadAsync(reads.ResponseStream);
    }

    [Fact]
    public async Task A_pipe_that_is_not_read_ends_with_an_error_and_gives_back_what_it_held()
    {
        using var pipe = Kv(0).Pipe();
        await pipe.RequestStream.WriteAsync(new PipeRequest { Calls = { Enumerable.Range(0, 64).Select(i => new PipeCall { CorrelationId = i, Get = new() { Header = Tagged(), Key = Key(i % 8) } }) } });
        await EndsAsNotReadAsync(pipe.ResponseStream);
    }

    /// <summary>Serves other requests, on the same connection as well, until the node has ended a stream that is not read.</summary>
    private async Task EndsAsNotReadAsync<T>(IAsyncStreamReader<T> stream)
    {
        var ordinary = 0;
        var before = _cluster.Nodes[0]!.Service<AnswerSends>().Ended;
        while (_cluster.Nodes[0]!.Service<AnswerSends>().Ended == before)
        {
            await Kv(0).PutAsync(new PutRequest { Header = Tagged(), Key = Key(300), Value = ByteString.CopyFromUtf8("x") });
            ordinary++;
        }

        Assert.True(ordinary > 0);

        // Read at once: an error that is not read in time either is replaced by a reset.
        Assert.Equal(ErrorReasons.Overloaded, await EndOfAsync(stream));
        await NothingIsHeldAsync();
    }

    [Fact]
    public async Task One_answer_that_is_not_read_is_cut()
    {
        // A client whose windows are a page, and that takes nothing after the headers.
        using var handler = new SocketsHttpHandler { InitialHttp2StreamWindowSize = 65_535 };
        using var client = new HttpClient(handler);
        var bytes = new MultiGetRequest { Header = Tagged(), Keys = { Key(0), Key(1), Key(2) } }.ToByteArray();
        byte[] framed = [0, .. BitConverter.GetBytes(bytes.Length).Reverse(), .. bytes];
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://{_cluster.Nodes[0]!.PublicEndPoint}/kvraft.v1.Kv/MultiGet")
        {
            Version = new Version(2, 0),
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(framed),
        };
        request.Content.Headers.ContentType = new("application/grpc");
        request.Headers.Add("TE", "trailers");
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        var budget = _cluster.Nodes[0]!.Service<AnswerBudget>();
        Assert.True(budget.Bytes >= 3 * ValueBytes, $"{budget.Bytes} bytes held for an answer that was not read");

        await NothingIsHeldAsync();
        await Assert.ThrowsAnyAsync<Exception>(() => response.Content.ReadAsByteArrayAsync());
    }

    private static async Task<string?> EndOfAsync<T>(IAsyncStreamReader<T> stream)
    {
        try
        {
            while (await stream.MoveNext(CancellationToken.None))
            {
            }

            return null;
        }
        catch (RpcException error)
        {
            return error.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason ?? error.Status.ToString();
        }
    }

    /// <summary>The bytes of an answer are released a moment after the client has it.</summary>
    private async Task NothingIsHeldAsync()
    {
        using var limit = new CancellationTokenSource(RunningCluster.Patience);
        while (_cluster.Nodes.Any(static node => node!.Service<AnswerBudget>().Bytes != 0))
        {
            Assert.False(limit.IsCancellationRequested, $"held: {string.Join(' ', _cluster.Nodes.Select(static node => node!.Service<AnswerBudget>().Bytes))} bytes");
            await Task.Delay(20);
        }
    }

    private static void AssertTooLarge(RpcException error, long atLeast = MessageBytes - AnswerWindow.EnvelopeBytes)
    {
        var info = error.GetRpcStatus()!.GetDetail<ErrorInfo>()!;
        Assert.Equal((ErrorReasons.LimitExceeded, ErrorReasons.NotExecuted), (info.Reason, info.Metadata[ErrorReasons.ExecutionKey]));
        Assert.True(long.Parse(info.Metadata["actual"], System.Globalization.CultureInfo.InvariantCulture) >= atLeast, error.Status.Detail);
        Assert.True(info.Metadata.ContainsKey("setting"));
    }

    /// <summary>Three nodes with values of a megabyte, a small budget and a short stall timeout.</summary>
    public sealed class Cluster : IAsyncLifetime
    {
        public RunningCluster Running { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Running = await RunningCluster.StartAsync(3, shards: 1, options => options with
            {
                Limits = new Limits { DiskReserveBytes = 0, AnswerStallMax = KvRaft.Node.Options.Limits.AnswerStallMin, AnswerBytesInHandMax = 32L << 20 },
            });
            await new Keyspaces.KeyspacesClient(Running.Channel(0)).CreateAsync(
                new CreateKeyspaceRequest { Keyspace = new KeyspaceInfo { Name = "tagged", Routing = RoutingRule.Tag } });
            for (var i = 0; i < Values.Length; i++)
            {
                await Running.Kv(0).PutAsync(new PutRequest { Header = Tagged(), Key = Key(i), Value = Value(i) });
            }
        }

        public ValueTask DisposeAsync() => Running.DisposeAsync();
    }

    /// <summary>A large value by its number, a small one as its text; comparing them byte by byte in an assertion takes a second each.</summary>
    private static string? Name(ValueState? state) => state is null ? null
        : state.Value.Length < ValueBytes ? state.Value.ToStringUtf8()
        : $"v{Array.FindIndex(Values, value => state.Value.Span.SequenceEqual(value))}";

    private static ByteString Value(int i) => UnsafeByteOperations.UnsafeWrap(Values[i]);

    private static readonly byte[][] Values = [.. Enumerable.Range(0, 16).Select(static i =>
    {
        var bytes = new byte[ValueBytes];
        new Random(i).NextBytes(bytes);
        return bytes;
    })];

    private static RequestIdentity Identity() => new() { ClientId = ByteString.CopyFrom(Guid.CreateVersion7().ToByteArray(bigEndian: true)), Sequence = 1, FirstUnacked = 1 };

    private static RequestIdentity At(RequestIdentity identity, int sequence) => new() { ClientId = identity.ClientId, Sequence = sequence, FirstUnacked = 1 };
}
