using KvRaft.Cli.Commands;
using KvRaft.Client;

namespace KvRaft.Cli.Tests.Commands;

public sealed class ParsingTests
{
    [Theory]
    [InlineData("fly")]
    [InlineData("get")]
    [InlineData("put", "a")]
    [InlineData("put", "a", "b", "--ttl", "soon")]
    [InlineData("put", "a", "b", "--if-version", "x")]
    [InlineData("put", "a", "b", "--if-absent", "--if-version", "3")]
    [InlineData("put", "a", "b", "--if-version", "-3")]
    [InlineData("ttl", "a", "5s", "--persist")]
    [InlineData("del", "a", "b", "--if-version", "3")]
    [InlineData("get", "a", "--consistency", "wishful")]
    [InlineData("get", "a", "-o", "xml")]
    [InlineData("get", "a", "--endpoints", "nonsense:port")]
    [InlineData("scan", "--limit", "-1")]
    [InlineData("import", "x", "--concurrency", "0")]
    [InlineData("keyspace", "drop", "orders")]
    [InlineData("keyspace", "alter", "orders")]
    [InlineData("mset", "a")]
    [InlineData("mset", "a", "1", "a", "2")]
    [InlineData("del-range")]
    [InlineData("del-range", "--prefix", "a", "--all", "--yes")]
    [InlineData("del-range", "--all")]
    [InlineData("txn")]
    [InlineData("txn", "--then", "fly away")]
    [InlineData("txn", "--when", "a is 3", "--then", "get a")]
    [InlineData("txn", "--when", "", "--then", "get a")]
    [InlineData("result", "a", "nonsense")]
    [InlineData("get", "a", "--max-age", "5s", "--at-least", "3")]
    [InlineData("keyspace")]
    [InlineData("keyspace", "create", "carts", "--n", "3")]
    [InlineData("keyspace", "create", "carts", "--mode", "eventual", "--conflict", "whoever-is-louder")]
    [InlineData("siblings")]
    [InlineData("siblings", "resolve", "a")]
    [InlineData("hints", "drop")]
    [InlineData("plan")]
    [InlineData("node", "add")]
    [InlineData("node", "label", "n1", "rack=7")]
    [InlineData("node", "weight", "n1", "heavy")]
    [InlineData("operator", "cancel")]
    [InlineData("operator", "cancel", "op-1", "--all")]
    [InlineData("operator", "show", "n1")]
    public async Task A_wrong_command_line_is_reported_as_such(params string[] args)
    {
        var (code, output, error) = await TestConsole.RunOnceAsync(args);

        Assert.Equal(ExitCodes.BadArguments, code);
        Assert.NotEmpty(error);
        Assert.Empty(output);
    }

    [Fact]
    public async Task Help_is_not_a_failure()
    {
        var (code, output, _) = await TestConsole.RunOnceAsync("--help");

        Assert.Equal(ExitCodes.Ok, code);
        foreach (var verb in new[] { "get", "put", "del", "ttl", "incr", "scan", "mget", "mset", "txn", "del-range", "result", "limits", "import", "export", "status", "keyspace", "siblings", "hints", "repair", "shard", "node", "plan", "operator" })
        {
            Assert.Contains(verb, output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("get", "--help")]
    [InlineData("keyspace", "alter", "-h")]
    public async Task Help_explains_the_exit_codes(params string[] args)
    {
        var (code, output, _) = await TestConsole.RunOnceAsync(args);

        Assert.Equal(ExitCodes.Ok, code);
        Assert.All(ExitCodes.Meanings, known => Assert.Contains(known.Meaning, output, StringComparison.Ordinal));
        var all = typeof(ExitCodes).GetFields().Where(static field => field.IsLiteral).Select(static field => (int)field.GetRawConstantValue()!);
        Assert.Equal(all.Order(), ExitCodes.Meanings.Select(static known => known.Code).Order());
    }

    [Theory]
    [InlineData("kvctl ke", "keyspace")]
    [InlineData("kvctl keyspace cr", "create")]
    [InlineData("kvctl put a b --if-", "--if-absent")]
    public async Task Completion_accepts_an_incomplete_line(string line, string expected)
    {
        var (code, output, error) = await TestConsole.RunOnceAsync($"[suggest:{line.Length}]", line);

        Assert.Equal((ExitCodes.Ok, ""), (code, error));
        Assert.Contains(expected, output.Split('\n'));
    }

    [Theory]
    [InlineData("bash", "complete -o default -F _kvctl kvctl")]
    [InlineData("zsh", "#compdef kvctl")]
    [InlineData("fish", "complete -c kvctl")]
    public async Task Each_shell_has_a_script(string shell, string line)
    {
        var (code, output, _) = await TestConsole.RunOnceAsync("completion", shell);

        Assert.Equal(ExitCodes.Ok, code);
        Assert.Contains(line, output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unreachable_cluster_has_its_own_exit_code()
    {
        using var closed = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        closed.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));

        var (code, _, error) = await TestConsole.RunOnceAsync(
            "get", "a", "--endpoints", closed.LocalEndPoint!.ToString()!, "--timeout", "3s");

        Assert.Equal(ExitCodes.CannotConnect, code);
        Assert.Contains(closed.LocalEndPoint!.ToString()!, error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("DEADLINE", KvOutcome.Unknown, 6)]
    [InlineData("UNAVAILABLE", KvOutcome.Unknown, 6)]
    [InlineData("UNAVAILABLE", KvOutcome.NotApplied, 2)]
    [InlineData("NO_LEADER", KvOutcome.NotApplied, 1)]
    [InlineData("KEYSPACE_NOT_FOUND", KvOutcome.NotApplied, 3)]
    [InlineData("KEYSPACE_EXISTS", KvOutcome.NotApplied, 4)]
    [InlineData("LIMIT_EXCEEDED", KvOutcome.NotApplied, 128)]
    public void The_exit_code_reports_the_known_outcome(string reason, KvOutcome outcome, int code)
    {
        Assert.Equal(code, Failures.CodeOf(new KvException("x") { Reason = reason, Outcome = outcome }));
    }

    /// <summary>The message of the node names gRPC services.</summary>
    [Theory]
    [InlineData("WRONG_MODE", false, "for a key of an eventual keyspace, use kvctl get, put or siblings")]
    [InlineData("WRONG_MODE", true, "for a key of a strong keyspace, use kvctl get, put or del")]
    [InlineData("NOT_LEADER", false, null)]
    public void A_wrong_mode_is_reported_with_the_verbs_that_work(string reason, bool isOfEventual, string? hint) => Assert.StartsWith(
        hint ?? "none", Failures.HintOf(reason, isOfEventual) ?? "none", StringComparison.Ordinal);

    [Fact]
    public void Without_a_condition_option_a_command_has_no_condition()
    {
        Assert.Null(Arguments.Condition(false, null, null));
        Assert.Same(KvCondition.Absent, Arguments.Condition(true, null, null));
        Assert.Same(KvCondition.Absent, Arguments.Condition(false, 0, null));
        Assert.NotNull(Arguments.Condition(false, null, "x"));
    }
}
