using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>
/// After a kill and a restart a node has only the data that its engine had flushed. It applies the rest again when a leader sends it the commit index; until then it
/// answers no read, not even one that accepts any replica.
/// </summary>
public sealed class ReplayTests
{
    private const int Shards = 2;
    private const int Keys = 300;

    [Fact]
    public async Task A_node_that_was_killed_does_not_report_its_keys_as_absent()
    {
        await using var cluster = await ProcessCluster.StartAsync(Shards);
        await using (var client = cluster.Client())
        {
            var keyspace = client.TextKeyspace();
            foreach (var some in Enumerable.Range(0, Keys).Select(Key).Chunk(100))
            {
                Assert.All(await keyspace.MultiSetAsync(some.Select(key => new KvMultiSetItem<string, string> { Key = key, Value = key })), set => Assert.True(set.Result.Applied));
            }
        }

        cluster.Kill([.. cluster.Nodes]);
        foreach (var node in cluster.Nodes)
        {
            cluster.Start(node);
        }

        // From its first answer on: refused, answered by another node, or right.
        using var channel = GrpcChannel.ForAddress($"http://{cluster.Endpoint("n1")}");
        var kv = new Kv.KvClient(channel);
        for (var key = 0; key < Keys; key++)
        {
            var read = await AnsweredAsync(cluster, $"an answer to a read of {Key(key)}", async () => await kv.GetAsync(Read(key)));
            Assert.True(read.Found, $"{Key(key)} by {read.Header}");
        }

        foreach (var ordered in new[] { true, false })
        {
            Assert.Equal($"{Keys}", await AnsweredAsync(cluster, "a whole scan", () => ScanAsync(kv, ordered)));
        }
    }

    private static Task<T> AnsweredAsync<T>(ProcessCluster cluster, string what, Func<Task<T>> ask)
        where T : class => cluster.EventuallyAsync(
        async () =>
        {
            try
            {
                return await ask();
            }
            catch (RpcException refusal) when (refusal.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded)
            {
                return null;
            }
        },
        what);

    private static GetRequest Read(int key) =>
        new() { Header = new() { TimeoutMs = 1_000 }, Key = ByteString.CopyFromUtf8(Key(key)), Options = new() { Any = new() } };

    /// <summary>The number of keys it sent before it reported the end.</summary>
    private static async Task<string> ScanAsync(Kv.KvClient kv, bool ordered)
    {
        using var call = kv.Scan(new ScanRequest { Header = new() { TimeoutMs = 1_000 }, Ordered = ordered, KeysOnly = true, Options = new() { Any = new() } });
        var (items, isDone) = (0, false);
        await foreach (var chunk in call.ResponseStream.ReadAllAsync())
        {
            (items, isDone) = (items + chunk.Items.Count, chunk.Done);
        }

        Assert.True(isDone);
        return items.ToString(CultureInfo.InvariantCulture);
    }

    private static string Key(int number) => string.Create(CultureInfo.InvariantCulture, $"k{number:d4}");
}
