using System.Globalization;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.Integration.Tests.SystemCalls;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>
/// The system calls and their order: no acknowledgement and no vote leaves a node before the fdatasync that covers it. The
/// judge is first tested with traces that it must convict.
/// </summary>
public sealed class AnswerOrderTests(ITestOutputHelper output)
{
    private const string Token = "token-0001";
    private const int GroupOfShardZero = 1;

    [Fact]
    public void An_answer_before_its_sync_is_convicted()
    {
        var verdict = Judge(
            Follower(),
            $"7 recvfrom(9, \"{Hex("\u0004entries " + Token)}\", 512, 0, NULL, NULL) = 18",
            $"8 pwrite64(5, \"{Hex("record " + Token)}\", 17, 4096) = 17",
            "8 fdatasync(5 <unfinished ...>",
            $"7 sendto(9, \"{Hex("ok")}\", 2, 0, NULL, 0) = 2",
            "8 <... fdatasync resumed>) = 0");
        Assert.Equal(1, verdict.FollowerAnswers);
        Assert.Single(verdict.TooEarly);
    }

    [Fact]
    public void A_sync_that_began_before_the_write_ended_does_not_count()
    {
        var verdict = Judge(
            Follower(),
            $"7 recvfrom(9, \"{Hex("\u0004entries " + Token)}\", 512, 0, NULL, NULL) = 18",
            $"8 pwrite64(5, \"{Hex("record " + Token)}\" <unfinished ...>",
            "9 fdatasync(5 <unfinished ...>",
            "8 <... pwrite64 resumed>, 17, 4096) = 17",
            "9 <... fdatasync resumed>) = 0",
            $"7 sendto(9, \"{Hex("ok")}\", 2, 0, NULL, 0) = 2");
        Assert.Single(verdict.TooEarly);
    }

    [Fact]
    public void A_failed_sync_or_that_of_another_file_does_not_count()
    {
        var verdict = Judge(
            Follower(),
            $"7 recvfrom(9, \"{Hex("\u0004entries " + Token)}\", 512, 0, NULL, NULL) = 18",
            $"8 pwrite64(5, \"{Hex("record " + Token)}\", 17, 4096) = 17",
            "8 fdatasync(5) = -1 EIO (Input/output error)",
            "8 fdatasync(6) = 0",
            $"7 sendto(9, \"{Hex("ok")}\", 2, 0, NULL, 0) = 2");
        Assert.Single(verdict.TooEarly);
    }

    [Fact]
    public void A_vote_without_a_sync_is_convicted()
    {
        var verdict = Judge(
            Follower(),
            $"7 recvfrom(9, \"{Hex("\u0001vote")}\", 512, 0, NULL, NULL) = 5",
            $"7 sendto(9, \"{Hex("\u0002\0\0\0\0\0\0\0\u0001")}\", 9, 0, NULL, 0) = 9");
        Assert.Equal(1, verdict.Votes);
        Assert.Single(verdict.TooEarly);
    }

    [Fact]
    public void An_answer_after_its_sync_passes()
    {
        var verdict = Judge(
            Follower(),
            $"7 recvfrom(9, \"{Hex("\u0004entries " + Token)}\", 512, 0, NULL, NULL) = 18",
            $"8 pwrite64(5, \"{Hex("record " + Token)}\", 17, 4096) = 17",
            "8 fdatasync(5) = 0",
            $"7 sendto(9, \"{Hex("ok")}\", 2, 0, NULL, 0) = 2");
        Assert.Equal(1, verdict.FollowerAnswers);
        Assert.Empty(verdict.TooEarly);
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task No_answer_and_no_vote_leaves_a_node_before_the_sync_that_covers_it()
    {
        Assert.SkipUnless(Strace.IsInstalled, "strace is not installed (apt-get install strace).");
        const int Shards = 1;
        var files = Directory.CreateTempSubdirectory("kvraft-trace-").FullName;
        await using var cluster = await ProcessCluster.StartAsync(Shards);
        var tokens = new List<string>();
        var traces = new List<Strace>();
        try
        {
            foreach (var node in cluster.Nodes)
            {
                traces.Add(await Strace.AttachAsync(cluster.ProcessId(node), Path.Combine(files, node)));
            }

            // The connections between the nodes are older than the trace, and only connections whose beginning is in the trace are judged: killing
            // leaders creates new ones, and votes.
            for (var round = 0; round < 3; round++)
            {
                await WriteAsync(cluster, cluster.Nodes, tokens, count: 50);
                var leader = await cluster.LeaderAsync(GroupOfShardZero, cluster.Nodes);
                cluster.Kill(leader);
                await WriteAsync(cluster, [.. cluster.Nodes.Where(node => node != leader)], tokens, count: 50);
                cluster.Start(leader);
                traces.Add(await Strace.AttachAsync(cluster.ProcessId(leader), Path.Combine(files, $"{leader}-{round}")));
                await cluster.AllLedAsync(Shards);
            }
        }
        finally
        {
            foreach (var trace in traces)
            {
                await trace.DisposeAsync();
            }
        }

        var verdicts = traces.Select(trace => (trace.File, Verdict: AnswerOrder.Judge(StraceOutput.Read(File.ReadLines(trace.File)), tokens))).ToArray();
        foreach (var (file, verdict) in verdicts)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{Path.GetFileName(file)}: {verdict.FollowerAnswers} answers as follower, {verdict.ClientAnswers} to clients, {verdict.Votes} votes; too early: {verdict.TooEarly.Count}"));
        }

        Assert.Empty(verdicts.SelectMany(each => each.Verdict.TooEarly.Select(finding => $"{each.File}: {finding}")));
        Assert.True(verdicts.Sum(each => each.Verdict.ClientAnswers) >= tokens.Count, "Not every answer to a client was seen.");
        Assert.True(verdicts.Sum(each => each.Verdict.FollowerAnswers) > 0, "No follower's answer was seen.");
        Assert.True(verdicts.Sum(each => each.Verdict.Votes) > 0, "No vote was seen.");
        Directory.Delete(files, recursive: true);
    }

    /// <summary>
    /// One write after the other over a connection of its own, plain unary gRPC and never forwarded: an answer belongs to exactly one
    /// write, and to the leader's own disk.
    /// </summary>
    private static async Task WriteAsync(ProcessCluster cluster, IReadOnlyList<string> among, List<string> tokens, int count)
    {
        for (var written = 0; written < count;)
        {
            using var channel = GrpcChannel.ForAddress($"http://{cluster.Endpoint(await cluster.LeaderAsync(GroupOfShardZero, among))}");
            var client = new Kv.KvClient(channel);
            try
            {
                for (; written < count; written++)
                {
                    var token = $"token-{Guid.NewGuid():N}";
                    await client.PutAsync(new PutRequest
                    {
                        Header = new RequestHeader { NoForward = true },
                        Key = ByteString.CopyFromUtf8($"key-{written}"),
                        Value = ByteString.CopyFromUtf8(token),
                    });
                    tokens.Add(token);
                }
            }
            catch (RpcException error) when (error.StatusCode is StatusCode.Unavailable or StatusCode.FailedPrecondition)
            {
                // The leader changed. The write counts for nothing; the next one finds the present leader.
            }
        }
    }

    private static AnswerVerdict Judge(string first, params string[] lines) => AnswerOrder.Judge(StraceOutput.Read([first, .. lines]), [Token]);

    private static string Follower() => $"7 recvfrom(9, \"{Hex("KVRF\u0001\u0001")}\", 512, 0, NULL, NULL) = 6";

    private static string Hex(string text) => string.Concat(Encoding.Latin1.GetBytes(text).Select(b => $"\\x{b:x2}"));
}
