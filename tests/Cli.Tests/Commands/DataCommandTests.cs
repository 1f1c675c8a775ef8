using System.Text;
using KvRaft.Client.Tests.Fakes;
using KvRaft.V1;

namespace KvRaft.Cli.Tests.Commands;

/// <summary>The commands against a node in this process.</summary>
public sealed class DataCommandTests : IAsyncLifetime
{
    private readonly FakeStore _store = new();
    private FakeNode _node = null!;

    /// <summary>
    /// The node, and a timeout of one minute. The first request of the first test includes the compilation of the whole program: with the usual 5 s,
    /// an overloaded machine answered "outcome unknown" (6) to a put, or found no value where one was expected.
    /// </summary>
    private string[] Node => ["--endpoints", _node.Endpoint, "--timeout", "1m"];

    public async ValueTask InitializeAsync()
    {
        _node = await FakeNode.StartAsync(_store);
        _node.Routes = new RouteMap
        {
            ClusterId = "c",
            Epoch = 1,
            ShardCount = 1,
            HashSeed = 7,
            Nodes = { new NodeRoute { NodeId = "n1", Endpoint = _node.Endpoint, State = NodeState.Up } },
            Shards = { new ShardRoute { Shard = 0, LeaderNode = "n1", LeaderTerm = 3, Replicas = { new ReplicaRoute { NodeId = "n1", Incarnation = 1 } } } },
            Keyspaces = { new KeyspaceInfo { Id = 1, Name = "default" } },
        };
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Puts_gets_and_deletes()
    {
        Assert.Equal((0, "1\n"), await RunAsync("put", "a", "hello"));
        Assert.Equal((0, "hello\n"), await RunAsync("get", "a"));
        Assert.Equal((0, "hello"), await RunAsync("get", "a", "--raw"));
        Assert.Equal((0, "{\"key\":\"a\",\"value\":\"hello\",\"version\":1}\n"), await RunAsync("get", "a", "-o", "json"));
        Assert.Equal((0, "1\n"), await RunAsync("del", "a", "b"));
        Assert.Equal((ExitCodes.NotFound, ""), await RunAsync("get", "a"));
    }

    [Fact]
    public async Task A_mismatch_has_its_own_exit_code()
    {
        Assert.Equal((0, "1\n"), await RunAsync("put", "a", "1", "--if-absent"));
        Assert.Equal((ExitCodes.Mismatch, ""), await RunAsync("put", "a", "2", "--if-absent"));
        Assert.Equal((ExitCodes.Mismatch, ""), await RunAsync("put", "a", "2", "--if-version", "7"));
        Assert.Equal((0, "2\n"), await RunAsync("put", "a", "2", "--if-value", "1"));
    }

    [Fact]
    public async Task A_value_may_come_from_standard_input_and_the_nodes_from_the_environment()
    {
        var console = new TestConsole("line 1\nline 2\n", new Dictionary<string, string> { ["KVCTL_ENDPOINTS"] = _node.Endpoint });

        Assert.Equal(0, await console.RunAsync("put", "a", "-"));
        Assert.Equal((0, "line 1\nline 2\n"), await RunAsync("get", "a", "--raw"));
    }

    [Fact]
    public async Task Lines_from_a_pipe_are_run_in_order_and_the_first_failure_is_the_code()
    {
        var console = new TestConsole("""
            # what a script may hold
            put greeting 'hello world'
            get greeting
            get nothing
            put greeting other --if-absent
            put greeting 'unfinished
            put greeting -
            incr n 5
            exit
            get greeting
            """);

        Assert.Equal(ExitCodes.NotFound, await console.RunAsync([.. Node, "-k", "default"]));
        Assert.Equal("1\nhello world\n5\n", console.Out);
        Assert.Contains("not closed", console.Error, StringComparison.Ordinal);
        Assert.Contains("standard input", console.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_may_override_the_options_of_the_session()
    {
        var console = new TestConsole("put a 1\nget a -o json\nget a\n");

        Assert.Equal(0, await console.RunAsync(["shell", .. Node, "-o", "plain"]));
        Assert.Equal("1\n{\"key\":\"a\",\"value\":\"1\",\"version\":1}\n1\n", console.Out);
    }

    [Fact]
    public async Task Changes_are_refused_until_write_mode_is_on()
    {
        var console = new TestConsole("""
            writemode off
            put a 1
            del a
            incr a
            ttl a 5s
            keyspace create orders
            keyspace drop orders --yes
            import /dev/null --format jsonl
            shard move 0 --from n1 --to n2
            shard cancel 0
            node resign n1
            """);

        Assert.Equal(ExitCodes.BadArguments, await console.RunAsync(Node));
        Assert.Equal(10, console.Error.Split("read-only", StringSplitOptions.None).Length - 1);
        Assert.Empty(_store.Executed);

        var writing = new TestConsole("writemode off\nwritemode on\nput a 1\n");
        Assert.Equal(0, await writing.RunAsync(Node));
        Assert.Equal("1\n", writing.Out);
    }

    [Fact]
    public async Task Mget_reports_missing_keys_by_its_exit_code()
    {
        await RunAsync("put", "a", "1");

        Assert.Equal((0, "a\t1\n"), await RunAsync("mget", "a"));
        Assert.Equal((ExitCodes.Partial, "a\t1\nb\t\n"), await RunAsync("mget", "a", "b"));
        Assert.Equal((ExitCodes.NotFound, "b\t\n"), await RunAsync("mget", "b"));
    }

    [Fact]
    public async Task Many_rows_are_one_document_or_one_document_per_line()
    {
        await RunAsync("put", "a", "1");
        await RunAsync("put", "b", "2");

        const string A = "{\"key\":\"a\",\"value\":\"1\",\"version\":1}";
        const string B = "{\"key\":\"b\",\"value\":\"2\",\"version\":2}";
        Assert.Equal((0, $"{A}\n{B}\n"), await RunAsync("scan", "-o", "jsonl"));
        Assert.Equal((0, $"[\n  {A},\n  {B}\n]\n"), await RunAsync("scan", "-o", "json"));
        Assert.Equal((0, $"{B}\n"), await RunAsync("mget", "b", "-o", "jsonl"));
        Assert.Equal((ExitCodes.NotFound, "[\n  {\"key\":\"c\"}\n]\n"), await RunAsync("mget", "c", "-o", "json"));
    }

    [Fact]
    public async Task An_increment_takes_a_condition()
    {
        Assert.Equal((0, "1\n"), await RunAsync("incr", "n", "--if-absent"));
        Assert.Equal((ExitCodes.Mismatch, ""), await RunAsync("incr", "n", "--if-absent"));
        Assert.Equal((0, "2\n"), await RunAsync("incr", "n", "--if-version", "1"));
    }

    // It failed once on a loaded machine, where 300 ms were too short for the refusal of a connection: a timeout counts as silence too.
    [Fact]
    public async Task A_silent_node_counts_as_not_reached()
    {
        _node.Rule = _ => new Step.Swallow();

        var console = new TestConsole();
        var code = await console.RunAsync("get", "a", "--endpoints", _node.Endpoint, "--timeout", "300ms");

        Assert.Equal(ExitCodes.CannotConnect, code);
    }

    [Fact]
    public async Task Counts_and_scans()
    {
        Assert.Equal((0, "5\n"), await RunAsync("incr", "n", "5"));
        Assert.Equal((0, "3\n"), await RunAsync("incr", "n", "--", "-2"));
        Assert.Equal((0, "n\t3\n"), await RunAsync("scan"));
        Assert.Equal((0, "n\n"), await RunAsync("scan", "--keys-only"));
    }

    [Fact]
    public async Task Import_acknowledges_verifies_and_exports_byte_for_byte()
    {
        var (index, log) = (Path.GetTempFileName(), Path.GetTempFileName());
        try
        {
            var stanzas = Enumerable.Range(0, 300).Select(i => $"Package: p{i}\nVersion: 1\nArchitecture: all\nDescription: ü{i}\n").ToList();
            await File.WriteAllTextAsync(index, string.Join('\n', stanzas));
            var calls = 0;
            _node.Rule = _ => Interlocked.Increment(ref calls) % 50 == 0 ? new Step.ExecuteAndBreak() : new Step.Answer();

            var (code, summary) = await RunAsync("import", index, "--ack-log", log, "--concurrency", "16", "-o", "json");

            Assert.Equal(0, code);
            Assert.Contains("\"acknowledged\":300,\"failed\":0,\"unknown\":0", summary, StringComparison.Ordinal);
            Assert.Equal(300, _store.Executed.Count);
            Assert.Equal(300, (await File.ReadAllLinesAsync(log)).Length);
            Assert.Equal((0, $"{_node.Endpoint}\t300\t0\t0\t0\n"), await RunAsync("verify", log));
            Assert.Equal((0, $"{_node.Endpoint}\t300\t0\t0\t0\n"), await RunAsync("import", index, "--verify"));
            var (_, exported) = await RunAsync("export");
            Assert.Equal(300, exported.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
            Assert.Equal((0, stanzas[7]), await RunAsync("get", "p7/1/all", "--raw"));
        }
        finally
        {
            File.Delete(index);
            File.Delete(log);
        }
    }

    [Fact]
    public async Task Verify_convicts_a_store_that_lost_or_changed_an_acknowledged_write()
    {
        var log = Path.GetTempFileName();
        try
        {
            var input = new TestConsole("{\"key\":\"a\",\"value\":\"1\"}\n{\"key\":\"b\",\"value\":\"2\"}\n");
            Assert.Equal(0, await input.RunAsync(["import", "-", "--format", "jsonl", "--ack-log", log, .. Node]));
            await RunAsync("del", "a");
            await RunAsync("put", "b", "another");

            var (code, output) = await RunAsync("verify", log);

            Assert.Equal(ExitCodes.Problems, code);
            Assert.Equal($"{_node.Endpoint}\t0\t1\t1\t0\n", output);
        }
        finally
        {
            File.Delete(log);
        }
    }

    [Fact]
    public async Task An_import_reports_malformed_records()
    {
        var input = new TestConsole("{\"key\":\"a\",\"value\":\"1\"}\nrubbish\n");

        Assert.Equal(ExitCodes.Partial, await input.RunAsync(["import", "-", "--format", "jsonl", .. Node]));
        Assert.Contains("-:2:", input.Error, StringComparison.Ordinal);
        Assert.Contains("malformed 1", input.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unknown_outcome_has_its_own_code_and_names_the_write()
    {
        _node.Rule = _ => new Step.LoseAnswer();

        var console = new TestConsole();
        var code = await console.RunAsync("put", "a", "1", "--endpoints", _node.Endpoint, "--timeout", "3s");

        Assert.Equal(ExitCodes.OutcomeUnknown, code);
        Assert.Matches("request id [0-9a-f]{32}-1", console.Error);
    }

    [Fact]
    public async Task Shards_are_listed_with_their_leaders()
    {
        Assert.Equal((0, "0\tn1\t3\tn1\tn1: no answer\n"), await RunAsync("shard", "list"));
    }

    private async Task<(int Code, string Out)> RunAsync(params string[] args)
    {
        // Options go before a "--".
        var (code, output, error) = await TestConsole.RunOnceAsync([args[0], .. Node, .. args[1..]]);
        TestContext.Current.TestOutputHelper!.WriteLine($"{string.Join(' ', args)}: {code} {error}");
        return (code, output);
    }
}
