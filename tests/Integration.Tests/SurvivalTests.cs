using System.Globalization;
using System.Text;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using Grpc.Net.Client;
using KvRaft.Client;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>Calls that are in progress, or repeated, while processes die, stop or are overloaded.</summary>
public sealed class SurvivalTests
{
    private const int Shards = 4;

    [Fact]
    public async Task A_repeated_write_gets_its_first_answer_after_all_nodes_were_killed()
    {
        await using var cluster = await ProcessCluster.StartAsync(Shards);
        using var channel = GrpcChannel.ForAddress($"http://{cluster.Endpoint("n1")}");
        var kv = new Kv.KvClient(channel);
        var request = new IncrementRequest
        {
            Header = new() { Identity = new() { ClientId = ByteString.CopyFrom(Guid.NewGuid().ToByteArray()), Sequence = 1, FirstUnacked = 1 } },
            Key = ByteString.CopyFromUtf8("counter"),
            Delta = 7,
        };
        var first = await kv.IncrementAsync(request);

        cluster.Kill([.. cluster.Nodes]);
        foreach (var node in cluster.Nodes)
        {
            cluster.Start(node);
        }

        await cluster.AllLedAsync(Shards);
        var again = await kv.IncrementAsync(request);

        Assert.Equal((7L, first.Version, true), (again.Value, again.Version, again.Header.Deduplicated));
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task A_scan_and_a_deletion_of_everything_outlive_leaders()
    {
        await using var cluster = await ProcessCluster.StartAsync(Shards);
        await using var client = cluster.Client();
        var keyspace = client.TextKeyspace();
        var keys = Enumerable.Range(0, 3_000).Select(i => string.Create(CultureInfo.InvariantCulture, $"k{i:d4}")).ToArray();
        foreach (var some in keys.Chunk(256))
        {
            Assert.All(await keyspace.MultiSetAsync(some.Select(key => new KvMultiSetItem<string, string> { Key = key, Value = key })), set => Assert.True(set.Result.Applied));
        }

        var killer = new LeaderKiller(cluster, Shards);
        var seen = new List<string>();
        await foreach (var pair in keyspace.ScanAsync(new KvScanOptions { Ordered = true, KeysOnly = true }))
        {
            seen.Add(pair.Key);
            if (seen.Count is 100 or 1_500)
            {
                await killer.KillNextAsync();
            }
        }

        var deletion = keyspace.DeleteRangeAsync(KvDeleteRange.Everything).AsTask();
        await killer.KillNextAsync();

        Assert.Equal(keys, seen);
        Assert.Equal(keys.Length, await deletion);
        Assert.Empty(await keyspace.ScanAsync().ToListAsync(TestContext.Current.CancellationToken));
    }

    /// <summary>Five nodes, because with three any two failures take the quorum of every shard.</summary>
    [Fact]
    public async Task A_shard_without_a_quorum_delays_nothing_of_a_streamed_batch()
    {
        const int Many = 16;
        await using var cluster = await ProcessCluster.StartAsync(Many, nodes: 5);
        await using var client = cluster.Client();
        var keyspace = client.TextKeyspace();
        var keys = Enumerable.Range(0, 200).Select(i => string.Create(CultureInfo.InvariantCulture, $"k{i}")).ToArray();
        await keyspace.MultiSetAsync(keys.Select(key => new KvMultiSetItem<string, string> { Key = key, Value = key }));
        var places = (await client.Administration.Calls.LocateAsync(null, [.. keys.Select(key => (ReadOnlyMemory<byte>)Encoding.UTF8.GetBytes(key))])).Locations;
        var paused = places[0].Shard.Replicas.Take(2).Select(replica => replica.NodeId).ToArray();
        var lost = Enumerable.Range(0, keys.Length)
            .Where(i => places[i].Shard.Replicas.Count(replica => paused.Contains(replica.NodeId)) == 2)
            .ToHashSet();
        Assert.InRange(lost.Count, 1, keys.Length - 1);

        foreach (var node in paused)
        {
            cluster.Pause(node);
        }

        try
        {
            using var channel = GrpcChannel.ForAddress($"http://{cluster.Endpoint(cluster.Nodes.First(node => !paused.Contains(node)))}");
            using var stream = new Kv.KvClient(channel).MultiGetStream(new MultiGetRequest
            {
                Header = new RequestHeader { TimeoutMs = 60_000 },
                Keys = { keys.Select(ByteString.CopyFromUtf8) },
            });
            var found = new HashSet<int>();
            while (found.Count < keys.Length - lost.Count && await stream.ResponseStream.MoveNext(TestContext.Current.CancellationToken))
            {
                foreach (var entry in stream.ResponseStream.Current.Entries)
                {
                    Assert.DoesNotContain(entry.Index, lost);
                    Assert.Equal(keys[entry.Index], entry.Item.Current.Value.ToStringUtf8());
                    found.Add(entry.Index);
                }
            }

            Assert.Equal(keys.Length - lost.Count, found.Count);
        }
        finally
        {
            foreach (var node in paused)
            {
                cluster.Resume(node);
            }
        }
    }

    [Fact]
    public async Task An_overloaded_node_refuses_at_once_and_its_clients_succeed_later()
    {
        const int InHandMax = 8;
        await using var cluster = await ProcessCluster.StartAsync(
            shards: 1, settings: new() { ["limits"] = new Dictionary<string, object> { ["requestsInHandMax"] = InHandMax } });
        using var channel = GrpcChannel.ForAddress($"http://{cluster.Endpoint("n1")}");
        var kv = new Kv.KvClient(channel);
        var key = ByteString.CopyFromUtf8("k");
        await kv.PutAsync(new PutRequest { Key = key });

        cluster.Pause("n2");
        cluster.Pause("n3");
        var reads = Enumerable.Range(0, 3 * InHandMax)
            .Select(_ => Ended(kv.GetAsync(new GetRequest { Header = new() { TimeoutMs = 50_000 }, Key = key })))
            .ToArray();

        // While no request can be answered, the first that ends is one that was refused for lack of capacity.
        await Task.WhenAny(reads);
        await using var client = new KvClient(cluster.Options("n1") with { Routing = KvRouting.Endpoints, Timeout = TimeSpan.FromSeconds(60) });
        var writes = Enumerable.Range(0, 100).Select(_ => client.TextKeyspace().IncrementAsync("n").AsTask()).ToArray();
        cluster.Resume("n2");
        cluster.Resume("n3");
        await Task.WhenAll(writes);
        var refusals = (await Task.WhenAll(reads)).OfType<RpcException>().ToArray();

        Assert.InRange(refusals.Length, 1, reads.Length - 1);
        Assert.All(refusals, error => Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode));
        var status = refusals[0].GetRpcStatus()!;
        Assert.Equal(ErrorReasons.Overloaded, status.GetDetail<ErrorInfo>()!.Reason);
        Assert.Equal(ErrorReasons.NotExecuted, status.GetDetail<ErrorInfo>()!.Metadata[ErrorReasons.ExecutionKey]);
        Assert.True(status.GetDetail<RetryInfo>()!.RetryDelay.ToTimeSpan() > TimeSpan.Zero);
        Assert.Equal("100", (await client.TextKeyspace().GetAsync("n")).Value);

        static async Task<RpcException?> Ended(AsyncUnaryCall<GetResponse> call)
        {
            try
            {
                await call;
                return null;
            }
            catch (RpcException error)
            {
                return error;
            }
        }
    }
}
