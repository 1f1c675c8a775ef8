using Grpc.Core;
using KvRaft.Client.Tests.Fakes;
using KvRaft.V1;

namespace KvRaft.Client.Tests.Pipes;

/// <summary>The client against nodes that misbehave. Timeouts are generous: on a busy machine only the order of events is certain.</summary>
public sealed class PipeClientTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Theory]
    [InlineData(KvTransport.Pipe)]
    [InlineData(KvTransport.Unary)]
    public async Task Puts_and_gets(KvTransport transport)
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = Client(transport, node);
        var keys = client.TextKeyspace();

        var put = await keys.PutAsync("a", "1");
        var got = await keys.GetAsync("a");
        var missing = await keys.GetAsync("b");

        Assert.True(put.Applied);
        Assert.Equal("1", got.Value);
        Assert.Equal(put.Version, got.Version);
        Assert.Equal(KvConsistencyLevel.Linearizable, got.Delivered);
        Assert.False(missing.Found);
        Assert.Throws<KeyNotFoundException>(() => missing.Value);
    }

    [Fact]
    public async Task A_condition_that_does_not_hold_is_a_result()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = Client(KvTransport.Pipe, node);
        var keys = client.TextKeyspace();
        var first = await keys.PutIfAbsentAsync("a", "1");

        var second = await keys.PutIfAbsentAsync("a", "2");
        var third = await keys.PutIfVersionAsync("a", "3", first.Version);

        Assert.False(second.Applied);
        Assert.Equal("1", second.Current?.Value);
        Assert.True(third.Applied);
    }

    [Theory]
    [InlineData(KvTransport.Pipe)]
    [InlineData(KvTransport.Unary)]
    public async Task A_write_with_a_lost_answer_is_sent_again_with_the_same_request_id(KvTransport transport)
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        node.Script.Enqueue(new Step.LoseAnswer());
        await using var client = new KvClient(Options(transport, node) with { AttemptTimeout = TimeSpan.FromMilliseconds(500) });

        var put = await client.TextKeyspace().PutAsync("a", "1");

        Assert.True(put.Applied);
        Assert.Single(node.Store.Executed);
        var names = node.Calls.Select(call => FakeStore.IdentityOf(call)!).ToList();
        Assert.True(names.Count >= 2);
        Assert.Single(names.Select(name => (name.ClientId, name.Sequence)).Distinct());
    }

    [Theory]
    [InlineData(KvTransport.Pipe)]
    [InlineData(KvTransport.Unary)]
    public async Task A_stream_that_breaks_after_the_write_does_not_make_it_happen_twice(KvTransport transport)
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = Client(transport, node);
        node.Script.Enqueue(new Step.ExecuteAndBreak());
        node.Script.Enqueue(new Step.ExecuteAndBreak());

        var put = await client.TextKeyspace().PutAsync("a", "1");

        Assert.True(put.Applied);
        Assert.Single(node.Store.Executed);
    }

    [Fact]
    public async Task Increments_of_many_callers_count_once_each_while_streams_break()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = Client(KvTransport.Pipe, node);
        var keys = client.TextKeyspace();
        var calls = 0;
        node.Rule = _ => Interlocked.Increment(ref calls) % 29 == 0 ? new Step.ExecuteAndBreak() : new Step.Answer();

        await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => keys.IncrementAsync("n").AsTask()));
        node.Rule = null;

        Assert.Equal("200", (await keys.GetAsync("n")).Value);
        Assert.Equal(200, node.Store.Executed.Select(write => write.Identity).Distinct().Count());
        Assert.True(node.PipesOpened > 1);
    }

    [Fact]
    public async Task Answers_may_come_in_any_order()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = Client(KvTransport.Pipe, node);
        var keys = client.TextKeyspace();
        var gate = new TaskCompletionSource();
        node.Script.Enqueue(new Step.Hold(gate.Task));

        var held = keys.PutAsync("a", "1").AsTask();
        while (node.Calls.IsEmpty)
        {
            await Task.Yield();
        }

        Assert.True((await keys.PutAsync("b", "2")).Applied);
        Assert.False(held.IsCompleted);
        gate.SetResult();
        Assert.True((await held).Applied);
    }

    [Fact]
    public async Task An_answer_that_comes_twice_is_taken_once()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = Client(KvTransport.Pipe, node);
        node.Script.Enqueue(new Step.AnswerTwice());

        Assert.True((await client.TextKeyspace().PutAsync("a", "1")).Applied);
        Assert.True((await client.TextKeyspace().PutAsync("b", "1")).Applied);
    }

    [Fact]
    public async Task Waiting_calls_share_messages()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = Client(KvTransport.Pipe, node);

        var results = await client.TextKeyspace().MultiSetAsync(
            Enumerable.Range(0, 1000).Select(i => new KvMultiSetItem<string, string> { Key = $"k{i}", Value = "v" }));

        Assert.All(results, result => Assert.True(result.Result.Applied && result.Error is null));
        Assert.Equal(1000, node.Store.Executed.Count);
        Assert.True(node.Messages < 1000, $"{node.Messages} messages");
        var found = await client.TextKeyspace().MultiGetAsync(["k0", "k999", "x"]);
        Assert.Equal([true, true, false], found.Select(item => item.Result.Found));
    }

    [Fact]
    public async Task A_multi_set_with_a_repeated_key_is_refused()
    {
        await using var client = KvClient.Connect("kvraft://127.0.0.1:1");
        var item = new KvMultiSetItem<string, string> { Key = "a", Value = "v" };

        await Assert.ThrowsAsync<ArgumentException>(() => client.TextKeyspace().MultiSetAsync([item, item]).AsTask());
    }

    [Theory]
    [InlineData(KvTransport.Pipe)]
    [InlineData(KvTransport.Unary)]
    public async Task A_hint_leads_to_the_leader_and_is_remembered(KvTransport transport)
    {
        var store = new FakeStore();
        await using var first = await FakeNode.StartAsync(store, "n1");
        await using var second = await FakeNode.StartAsync(store, "n2");
        first.Routes = Maps(first, second);
        second.Routes = first.Routes;
        await using var client = Client(transport, first, second);
        var hint = new RouteHint { LeaderNode = "n2", LeaderEndpoint = second.Endpoint, Term = 2 };
        first.Rule = call => new Step.Refuse(FakeStore.Error(
            StatusCode.FailedPrecondition,
            ErrorReasons.NotLeader,
            Execution.NotExecuted,
            new RouteHint(hint) { Shard = 0 }));

        for (var i = 0; i < 20; i++)
        {
            Assert.True((await client.TextKeyspace().PutAsync("a", $"{i}")).Applied);

            // The first call starts the request for the map. Without a map the shard of a call is unknown, and a hint cannot be assigned to a shard.
            while (client.Routes.Table.ShardCount == 0)
            {
                await Task.Delay(1);
            }
        }

        // One call before the client has its map, and possibly one more when the map arrives and still names the old leader.
        Assert.InRange(first.Calls.Count, 0, 2);
        Assert.Equal(20, store.Executed.Count);
    }

    [Fact]
    public async Task A_client_leaves_a_node_that_ends()
    {
        var store = new FakeStore();
        var first = await FakeNode.StartAsync(store, "n1");
        await using var second = await FakeNode.StartAsync(store, "n2");
        await using var client = Client(KvTransport.Pipe, first, second);
        var keys = client.TextKeyspace();
        Assert.True((await keys.PutAsync("a", "1")).Applied);

        await first.DisposeAsync();

        for (var i = 0; i < 10; i++)
        {
            Assert.True((await keys.PutAsync("b", $"{i}")).Applied);
        }

        Assert.Equal(11, store.Executed.Count);
    }

    [Theory]
    [InlineData(KvTransport.Pipe)]
    [InlineData(KvTransport.Unary)]
    public async Task A_write_that_may_have_arrived_ends_unknown_with_its_request_id(KvTransport transport)
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        node.Rule = _ => new Step.LoseAnswer();
        await using var client = Client(transport, node);

        var fault = await Assert.ThrowsAsync<KvException>(() =>
            client.TextKeyspace().PutAsync("a", "1", new KvWriteOptions { Timeout = TimeSpan.FromMilliseconds(1500) }).AsTask());

        Assert.Equal(KvOutcome.Unknown, fault.Outcome);
        Assert.True(fault.IsTransient);
        Assert.Equal(node.Endpoint, fault.Endpoint);
        var name = FakeStore.IdentityOf(node.Calls.First())!;
        Assert.Equal(name.Sequence, fault.RequestId!.Value.Sequence);
        Assert.Equal(name.ClientId.ToByteArray(), fault.RequestId.Value.ClientId.ToByteArray(bigEndian: true));
    }

    /// <summary>The deadline ends while the connection is still being opened: TLS waits for an answer that never comes.</summary>
    [Theory]
    [InlineData(KvTransport.Pipe)]
    [InlineData(KvTransport.Unary)]
    public async Task A_write_without_a_connection_by_its_deadline_was_not_applied(KvTransport transport)
    {
        using var silent = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        silent.Start();
        await using var client = KvClient.Connect($"kvraft://127.0.0.1:{((System.Net.IPEndPoint)silent.LocalEndpoint).Port}?timeout=500ms&tls=true&transport={transport}");

        var fault = await Assert.ThrowsAsync<KvException>(() => client.TextKeyspace().PutAsync("a", "1").AsTask());

        Assert.Equal(KvOutcome.NotApplied, fault.Outcome);
        Assert.True(fault.IsTransient);
    }

    [Theory]
    [InlineData(KvTransport.Pipe)]
    [InlineData(KvTransport.Unary)]
    public async Task A_write_that_reached_no_node_was_not_applied(KvTransport transport)
    {
        // Bound without listening: a connection is refused.
        using var closed = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        closed.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        await using var client = KvClient.Connect(
            $"kvraft://127.0.0.1:{((System.Net.IPEndPoint)closed.LocalEndPoint!).Port}?timeout=500ms&transport={transport}");

        var fault = await Assert.ThrowsAsync<KvException>(() => client.TextKeyspace().PutAsync("a", "1").AsTask());

        Assert.Equal(KvOutcome.NotApplied, fault.Outcome);
        Assert.True(fault.IsTransient);
    }

    [Theory]
    [InlineData(KvTransport.Pipe)]
    [InlineData(KvTransport.Unary)]
    public async Task A_permanent_refusal_is_returned_at_once(KvTransport transport)
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        node.Rule = _ => new Step.Refuse(FakeStore.Error(StatusCode.InvalidArgument, ErrorReasons.LimitExceeded, Execution.NotExecuted));
        await using var client = Client(transport, node);

        var fault = await Assert.ThrowsAsync<KvException>(() => client.TextKeyspace().PutAsync("a", "1").AsTask());

        Assert.Equal(ErrorReasons.LimitExceeded, fault.Reason);
        Assert.Equal(KvOutcome.NotApplied, fault.Outcome);
        Assert.False(fault.IsTransient);
        Assert.Single(node.Calls);
    }

    [Fact]
    public async Task A_write_whose_last_pause_outlives_its_time_ends_as_a_failure_like_any_other()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        node.Rule = _ => new Step.Refuse(FakeStore.Error(StatusCode.Unavailable, ErrorReasons.NoLeader, Execution.NotExecuted));
        await using var client = Client(KvTransport.Pipe, node);
        var keys = client.TextKeyspace();

        var faults = await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Assert.ThrowsAsync<KvException>(() =>
            keys.PutAsync($"k{i}", "v", new KvWriteOptions { Timeout = TimeSpan.FromMilliseconds(40 + i) }).AsTask())));

        // On a busy machine an attempt may also time out, and then the outcome is unknown.
        Assert.All(faults, fault => Assert.True(fault.IsTransient));
        Assert.Empty(node.Store.Executed);
    }

    /// <summary>
    /// A partition may isolate the node from which this client has its map: the node keeps answering that there is no leader, and the client receives
    /// nothing newer.
    /// </summary>
    [Theory]
    [InlineData(KvRouting.Direct)]
    [InlineData(KvRouting.Endpoints)]
    public async Task Clients_leave_an_isolated_node_from_which_they_have_the_map(KvRouting routing)
    {
        var store = new FakeStore();
        await using var cutOff = await FakeNode.StartAsync(store, "n1");
        await using var other = await FakeNode.StartAsync(store, "n2");
        cutOff.Rule = _ => new Step.Refuse(FakeStore.Error(StatusCode.Unavailable, ErrorReasons.NoLeader, Execution.NotExecuted));
        cutOff.Routes = Maps(cutOff, other);
        await using var client = new KvClient(Options(KvTransport.Pipe, cutOff, other) with { Routing = routing });

        for (var i = 0; i < 20; i++)
        {
            await client.TextKeyspace().PutAsync($"k{i}", "v");
        }

        Assert.Equal(20, store.Executed.Count);
    }

    [Fact]
    public async Task A_refusal_after_a_lost_answer_does_not_make_the_outcome_certain()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        node.Script.Enqueue(new Step.ExecuteAndBreak());
        node.Script.Enqueue(new Step.Refuse(FakeStore.Error(StatusCode.ResourceExhausted, ErrorReasons.DiskFull, Execution.NotExecuted)));
        await using var client = Client(KvTransport.Pipe, node);

        var fault = await Assert.ThrowsAsync<KvException>(() => client.TextKeyspace().PutAsync("a", "1").AsTask());

        Assert.Equal(KvOutcome.Unknown, fault.Outcome);
        Assert.Equal(ErrorReasons.DiskFull, fault.Reason);
    }

    [Fact]
    public async Task Answered_writes_are_acknowledged_to_the_shard()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = Client(KvTransport.Pipe, node);
        for (var i = 0; i < 5; i++)
        {
            await client.TextKeyspace().PutAsync("a", $"{i}");
        }

        var name = FakeStore.IdentityOf(node.Calls.Last())!;

        Assert.Equal(5, name.Sequence);
        Assert.Equal(5, name.FirstUnacked);
        Assert.Equal(5, node.Store.FirstUnackedOf(name.ClientId));
    }

    [Fact]
    public async Task A_write_of_a_discarded_session_is_sent_again_without_an_error()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = Client(KvTransport.Pipe, node);
        await client.TextKeyspace().PutAsync("a", "1");
        node.Store.ForgetSessions();

        Assert.True((await client.TextKeyspace().PutAsync("a", "2")).Applied);
        Assert.Equal([1L, 2L], node.Store.Executed.Select(write => write.Identity.Sequence));
        Assert.Equal(node.Store.Index - 1, node.Store.Executed.Last().Identity.After.Index);
    }

    [Fact]
    public async Task A_write_that_may_have_been_applied_before_its_session_was_discarded_has_an_unknown_outcome()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = Client(KvTransport.Pipe, node);
        await client.TextKeyspace().PutAsync("a", "1");
        node.Store.ForgetSessions();
        node.Script.Enqueue(new Step.Refuse(FakeStore.Error(Grpc.Core.StatusCode.Unavailable, ErrorReasons.QuorumLost, Execution.Unknown)));

        var failure = await Assert.ThrowsAsync<KvException>(async () => await client.TextKeyspace().PutAsync("a", "2"));

        Assert.Equal((ErrorReasons.RequestIdExpired, KvOutcome.Unknown), (failure.Reason, failure.Outcome));
        Assert.Single(node.Store.Executed);
    }

    [Fact]
    public async Task Cancellation_ends_a_call_and_leaves_the_pipe_alone()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = Client(KvTransport.Pipe, node);
        var keys = client.TextKeyspace();
        var never = new TaskCompletionSource();
        node.Script.Enqueue(new Step.Hold(never.Task));
        using var cancel = new CancellationTokenSource();

        var held = keys.PutAsync("a", "1", cancellationToken: cancel.Token).AsTask();
        while (node.Calls.IsEmpty)
        {
            await Task.Yield();
        }

        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => held);
        Assert.True((await keys.PutAsync("b", "2")).Applied);
        never.SetResult();
        Assert.Equal(1, node.PipesOpened);
    }

    [Fact]
    public async Task A_scan_resumes_where_its_stream_broke()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = Client(KvTransport.Pipe, node);
        var keys = client.TextKeyspace();
        await keys.MultiSetAsync(Enumerable.Range(0, 9).Select(i => new KvMultiSetItem<string, string> { Key = $"k{i}", Value = $"v{i}" }));
        node.ScanChunksBeforeBreak = 2;

        var pairs = new List<string>();
        await foreach (var pair in keys.ScanAsync())
        {
            pairs.Add($"{pair.Key}={pair.Value}");
        }

        Assert.Equal(Enumerable.Range(0, 9).Select(i => $"k{i}=v{i}"), pairs);
    }

    [Fact]
    public async Task A_scan_with_a_limit_keeps_it_across_a_break()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = Client(KvTransport.Pipe, node);
        var keys = client.TextKeyspace();
        await keys.MultiSetAsync(Enumerable.Range(0, 9).Select(i => new KvMultiSetItem<string, string> { Key = $"k{i}", Value = "v" }));
        node.ScanChunksBeforeBreak = 1;

        var count = 0;
        await foreach (var _ in keys.ScanAsync(new KvScanOptions { Limit = 5 }))
        {
            count++;
        }

        Assert.Equal(5, count);
    }

    [Fact]
    public async Task Calls_beyond_the_bound_of_a_pipe_wait_for_a_place()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = new KvClient(Options(KvTransport.Pipe, node) with { PipeInFlightMax = 2, AttemptTimeout = Patience });
        var keys = client.TextKeyspace();
        var gate = new TaskCompletionSource();
        node.Rule = _ => new Step.Hold(gate.Task);

        var puts = Enumerable.Range(0, 10).Select(i => keys.PutAsync($"k{i}", "v").AsTask()).ToList();
        while (node.Calls.Count < 2)
        {
            await Task.Yield();
        }

        Assert.Equal(2, node.Calls.Count);
        gate.SetResult();
        await Task.WhenAll(puts);
        Assert.Equal(10, node.Store.Executed.Count);
    }

    [Fact]
    public async Task A_call_too_large_for_the_node_fails_with_the_reason_and_takes_no_other_with_it()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = new KvClient(Options(KvTransport.Pipe, node) with { PipesPerNode = 1, MessageBytesMax = 64 << 20 });
        var keys = client.TextKeyspace();
        var never = new TaskCompletionSource();
        node.Script.Enqueue(new Step.Hold(never.Task));
        var held = keys.PutAsync("a", "1").AsTask();
        while (node.Calls.IsEmpty)
        {
            await Task.Yield();
        }

        // The limit of the fake node is the default of gRPC, 4 MiB; it refuses because of the length while the rest is still being sent.
        var large = Assert.ThrowsAsync<KvException>(() => keys.PutAsync("large", new string('x', 32 << 20)).AsTask());

        Assert.True((await held).Applied);
        var fault = await large;
        Assert.Equal("RESOURCE_EXHAUSTED", fault.Reason);
        Assert.False(fault.IsTransient);
        Assert.Equal(["a"], node.Store.Executed.Select(write => write.Key));
    }

    [Fact]
    public async Task A_write_on_a_pipe_that_another_call_broke_has_an_unknown_outcome()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = new KvClient(Options(KvTransport.Pipe, node) with { PipesPerNode = 1, MessageBytesMax = 64 << 20 });
        var keys = client.TextKeyspace();
        node.Rule = call => call.CorrelationId != 0
            ? new Step.LoseAnswer()
            : new Step.Refuse(FakeStore.Error(StatusCode.ResourceExhausted, ErrorReasons.DiskFull, Execution.NotExecuted));
        var executed = keys.PutAsync("a", "1").AsTask();
        while (node.Store.Executed.IsEmpty)
        {
            await Task.Yield();
        }

        await Assert.ThrowsAsync<KvException>(() => keys.PutAsync("large", new string('x', 32 << 20)).AsTask());
        var fault = await Assert.ThrowsAsync<KvException>(() => executed);

        Assert.Equal(ErrorReasons.DiskFull, fault.Reason);
        Assert.Equal(KvOutcome.Unknown, fault.Outcome);
    }

    [Fact]
    public async Task Calls_share_a_message_only_as_far_as_it_may_be_large()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        await using var client = new KvClient(Options(KvTransport.Pipe, node) with { PipesPerNode = 1, MessageBytesMax = 64 << 10 });
        var keys = client.TextKeyspace();

        var puts = await Task.WhenAll(Enumerable.Range(0, 100).Select(i => keys.PutAsync($"k{i}", new string('x', 20 << 10)).AsTask()));
        var tooLarge = await Assert.ThrowsAsync<KvException>(() => keys.PutAsync("k", new string('x', 64 << 10)).AsTask());

        Assert.All(puts, put => Assert.True(put.Applied));
        Assert.Equal(ErrorReasons.LimitExceeded, tooLarge.Reason);
        Assert.Equal(1, node.PipesOpened);
        Assert.InRange(node.Messages, 34, 100);
    }

    [Fact]
    public async Task A_closed_client_refuses_calls()
    {
        await using var node = await FakeNode.StartAsync(new FakeStore());
        var client = Client(KvTransport.Pipe, node);
        await client.TextKeyspace().PutAsync("a", "1");

        await client.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.TextKeyspace().PutAsync("a", "2").AsTask());
    }

    private static KvClient Client(KvTransport transport, params FakeNode[] nodes) => new(Options(transport, nodes));

    private static KvClientOptions Options(KvTransport transport, params FakeNode[] nodes) => new()
    {
        Endpoints = [.. nodes.Select(node => node.Endpoint)],
        Transport = transport,
        Timeout = Patience,
        // A slow machine must not look like a silent node.
        AttemptTimeout = Patience,
        RandomSeed = 1,
    };

    private static RouteMap Maps(params FakeNode[] nodes)
    {
        var map = Routing.Maps.ThreeNodes(1, [.. nodes.Select(node => node.Endpoint)]);
        map.ShardCount = 1;
        while (map.Shards.Count > 1)
        {
            map.Shards.RemoveAt(1);
        }

        return map;
    }
}
