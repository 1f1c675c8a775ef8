using System.IO.Compression;
using KvRaft.Chaos.Campaigns;

namespace KvRaft.Harness.Tests.Campaigns;

/// <summary>A history file can be judged without a store.</summary>
public sealed class JudgedHistoryTests : IDisposable
{
    private const string Stale = """
        {"header":{"format":"kvraft-history","version":1,"workload":"register"}}
        {"index":0,"process":0,"type":"invoke","f":"put","key":"a","value":"v1","time":1}
        {"index":1,"process":0,"type":"ok","f":"put","key":"a","time":2}
        {"index":2,"process":1,"type":"invoke","f":"get","key":"a","time":3}
        {"index":3,"process":1,"type":"ok","f":"get","key":"a","value":null,"time":4}
        """;

    private readonly string _root = Directory.CreateTempSubdirectory("kvraft-judged-").FullName;

    [Fact]
    public void A_violation_is_exit_code_1_with_a_picture_of_its_proof()
    {
        Assert.Equal(1, Judge("stale.jsonl", Stale));
        Assert.Contains("not-linearizable", File.ReadAllText(Out("verdicts.json")), StringComparison.Ordinal);
        Assert.True(File.Exists(Out("timeline.html")));
        Assert.True(File.Exists(Out("proof.svg")));
    }

    [Fact]
    public void A_history_that_a_store_can_have_is_exit_code_0()
    {
        Assert.Equal(0, Judge("good.jsonl", Stale.Replace("null", "\"v1\"", StringComparison.Ordinal)));
        Assert.False(File.Exists(Out("proof.svg")));
    }

    [Theory]
    [InlineData("{\"index\":0}")]
    [InlineData("no JSON")]
    [InlineData("{\"header\":{\"format\":\"kvraft-history\",\"version\":2}}")]
    public void A_malformed_history_is_exit_code_2(string text) => Assert.Equal(2, Judge("bad.jsonl", text));

    [Fact]
    public void A_missing_file_is_exit_code_2() => Assert.Equal(2, JudgedHistory.Judge(Path.Combine(_root, "nowhere"), CommandLine.Parse([])));

    [Fact]
    public void A_history_beyond_the_budget_is_exit_code_3() => Assert.Equal(3, Judge("small.jsonl", Stale.Replace("null", "\"v1\"", StringComparison.Ordinal), "--configurations-max", "1"));

    [Fact]
    public void A_history_without_a_header_is_checked_as_the_requested_workload()
    {
        var headless = string.Join('\n', Stale.Split('\n').Skip(1));
        Assert.Equal(2, Judge("headless.jsonl", headless));
        Assert.Equal(1, Judge("headless.jsonl", headless, "--workload", "register"));
    }

    [Fact]
    public void Registers_may_start_with_a_text() =>
        Assert.Equal(1, Judge("initial.jsonl", Stale, "--initial", "v0"));

    [Fact]
    public void A_compressed_history_is_read_as_well()
    {
        var path = Path.Combine(_root, "stale.jsonl.gz");
        using (var writer = new StreamWriter(new GZipStream(File.Create(path), CompressionLevel.Fastest)))
        {
            writer.Write(Stale);
        }

        Assert.Equal(1, JudgedHistory.Judge(path, CommandLine.Parse(["--out", Out("")])));
    }

    private int Judge(string name, string text, params string[] further)
    {
        var path = Path.Combine(_root, name);
        File.WriteAllText(path, text);
        return JudgedHistory.Judge(path, CommandLine.Parse(["--out", Out(""), .. further]));
    }

    private string Out(string file) => Path.Combine(_root, "out", file);

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
