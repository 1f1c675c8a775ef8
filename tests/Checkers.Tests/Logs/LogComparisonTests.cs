using KvRaft.Chaos.Checkers;

namespace KvRaft.Checkers.Tests.Logs;

public class LogComparisonTests
{
    private static readonly Dictionary<int, long> Nothing = [];

    [Fact]
    public void Equal_logs_agree() => Assert.Empty(Check(Nothing, ("n1", 1, 1, "a"), ("n2", 1, 1, "a"), ("n1", 2, 1, "b")));

    [Fact]
    public void One_index_and_term_has_one_entry_on_all_replicas() =>
        Assert.Equal(["log-matching"], Check(Nothing, ("n1", 5, 4, "first of term"), ("n2", 5, 4, "a deposed leader's")));

    [Fact]
    public void A_suffix_that_a_newer_term_replaced_is_no_violation() =>
        Assert.Empty(Check(new() { [1] = 1 }, ("n1", 1, 1, "old"), ("n1", 1, 2, "new"), ("n2", 1, 2, "new")));

    [Fact]
    public void Applied_entries_must_be_equal_on_all_replicas()
    {
        (string, long, long, string)[] logs = [("n1", 1, 1, "old"), ("n2", 1, 2, "new")];
        Assert.Equal(["committed-differs"], Check(new() { [1] = 1 }, logs));
        Assert.Empty(Check(Nothing, logs));
    }

    [Fact]
    public void Reads_what_a_node_prints_of_its_log()
    {
        const string Dump = """
            durable mark: batch 9
            segment 1: 67108864 bytes, salt c60e85822a7ac077, node 'n1' of cluster 089adf2a-edb5-82ba-9adb-a9b24ed50455
                   1408  batch 7  g1/r1 #1  state (Opened) term 0, start 0@0, last 0@0  end of batch
                 176696  batch 1149  g1/r1 #517  entry 511@4 Command 183 bytes 00ab12ff  end of batch
                 176936  batch 1150  g12/r3 #344  entry 339@3 NoOp 0 bytes 00000000
                 176992  batch 1151  g0/r1 #9  entry 4@3 Command 80 bytes 01020304  PAYLOAD UNREADABLE
            """;
        Assert.Equal(
            [new LogRecord("n1", 1, 511, 4, "Command 183 bytes 00ab12ff"), new LogRecord("n1", 12, 339, 3, "NoOp 0 bytes 00000000")],
            LogDumpReader.Read("n1", new StringReader(Dump)));
    }

    /// <summary>A run of <c>late-follower</c> was judged a violation: a leader of term 2 was killed with an uncommitted entry, and came back by a checkpoint of term 3.</summary>
    [Theory]
    [InlineData("Reset", "start 284@3, last 284@3", "")]
    [InlineData("Truncated", "start 0@0, last 52@1", "")]
    [InlineData("StartMoved", "start 52@1, last 53@2", "committed-differs")]
    public void An_entry_that_a_replica_discarded_without_applying_it_is_no_violation(string change, string log, string expected)
    {
        var first = LogDumpReader.Read("n1", new StringReader($"""
                   512  batch 281  g1/r1 #58  entry 52@1 Command 9 bytes 0a9b0517
                   612  batch 283  g1/r1 #60  entry 53@2 NoOp 0 bytes 00000000  end of batch
                   712  batch 284  g2/r1 #12  entry 53@1 NoOp 0 bytes 00000000  end of batch
                   812  batch 298  g1/r1 #63  state ({change}) term 3, {log}  end of batch
            """));
        var second = LogDumpReader.Read("n2", new StringReader("""
                   512  batch 296  g1/r1 #64  entry 53@3 NoOp 0 bytes 00000000  end of batch
                   612  batch 297  g2/r1 #10  entry 53@1 NoOp 0 bytes 00000000  end of batch
            """));

        var verdict = LogComparison.Check([.. first, .. second], new Dictionary<int, long> { [1] = 284, [2] = 284 });

        Assert.Equal(expected.Length == 0 ? [] : [expected], verdict.Counts.Keys);
        Assert.Equal([false, change != "StartMoved", false], first.Select(static record => record.IsDiscarded && record.Index == 53).ToArray());
    }

    private static IEnumerable<string> Check(Dictionary<int, long> applied, params (string Node, long Index, long Term, string Content)[] records) =>
        LogComparison.Check([.. records.Select(record => new LogRecord(record.Node, 1, record.Index, record.Term, record.Content))], applied).Counts.Keys;
}
