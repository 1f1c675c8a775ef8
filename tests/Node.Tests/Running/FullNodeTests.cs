using System.Net;
using System.Net.Http.Json;
using Google.Protobuf;
using Grpc.Core;
using KvRaft.Node.Lifecycle;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

/// <summary>
/// The disk of the first of three nodes is below its reserve. A request may arrive there all the same: if another node can execute it, this one forwards it.
/// </summary>
public sealed class FullNodeTests : IAsyncLifetime
{
    private RunningCluster? _cluster;

    private RunningCluster Cluster => _cluster!;

    public async ValueTask InitializeAsync()
    {
        // Twice the free bytes: below the reserve, and above the quarter of it at which replicas accept no entries.
        var reserve = DiskGuard.FreeBytesOf(Path.GetTempPath()) * 2;
        _cluster = await RunningCluster.StartAsync(nodes: 3, shards: 8, options => options with
        {
            HttpListen = new IPEndPoint(IPAddress.Loopback, 0),
            Limits = new KvRaft.Node.Options.Limits { DiskReserveBytes = options.NodeId.Value == "n1" ? reserve : 0 },
        });
        Assert.True(_cluster.Nodes[0]!.Service<DiskGuard>().RefusesGrowth);
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_eventual_write_through_a_full_node_is_coordinated_by_another_one(bool isSloppy)
    {
        await CreateAsync("carts", isSloppy);
        for (var number = 0; number < 10; number++)
        {
            var key = ByteString.CopyFromUtf8($"k{number}");
            var put = await Eventual(0).PutAsync(new EventualPutRequest { Header = Header("carts"), Key = key, Value = ByteString.CopyFromUtf8("v") });

            Assert.NotEqual("n1", put.Header.ServedBy);
            Assert.True(put.Header.Answered >= 2, $"{put.Header.Answered} replicas answered");
            Assert.Equal(["v"], (await Eventual(0).GetAsync(new EventualGetRequest { Header = Header("carts"), Key = key })).Values.Select(static value => value.Value.ToStringUtf8()));
        }
    }

    [Fact]
    public async Task A_counter_through_a_full_node_counts_once()
    {
        await CreateAsync("counters", isSloppy: false, ConflictPolicy.Counter);
        var key = ByteString.CopyFromUtf8("k");
        for (var number = 0; number < 5; number++)
        {
            await Eventual(0).UpdateAsync(new EventualUpdateRequest { Header = Header("counters"), Key = key, Value = new TypedChange { AddToCounter = 1 } });
        }

        Assert.Equal(5, (await Eventual(1).GetAsync(new EventualGetRequest { Header = Header("counters"), Key = key })).Typed.Counter);
    }

    [Fact]
    public async Task A_delete_needs_no_room_and_is_coordinated_here_or_elsewhere()
    {
        await CreateAsync("carts", isSloppy: false);
        var key = ByteString.CopyFromUtf8("k");
        var put = await Eventual(0).PutAsync(new EventualPutRequest { Header = Header("carts"), Key = key, Value = key });

        await Eventual(0).DeleteAsync(new EventualDeleteRequest { Header = Header("carts"), Key = key, Context = put.Context });

        Assert.Empty((await Eventual(1).GetAsync(new EventualGetRequest { Header = Header("carts"), Key = key })).Values);
    }

    /// <summary>The one node that has room is reached by no quorum: the write is not acknowledged.</summary>
    [Fact]
    public async Task Without_another_node_that_answers_the_full_node_refuses_with_the_cause()
    {
        await CreateAsync("carts", isSloppy: true);
        await Cluster.StopNodeAsync(1);
        await Cluster.StopNodeAsync(2);

        var refused = await Assert.ThrowsAsync<RpcException>(async () =>
            await Eventual(0).PutAsync(new EventualPutRequest { Header = Header("carts"), Key = ByteString.CopyFromUtf8("k"), Value = ByteString.Empty }));

        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_strong_write_through_a_full_node_is_executed_by_a_leader_that_has_room(bool isJson)
    {
        using var http = new HttpClient { BaseAddress = new Uri($"http://{Cluster.Nodes[0]!.HttpEndPoint}") };
        var written = 0;
        for (var number = 0; number < 40; number++)
        {
            var key = ByteString.CopyFromUtf8($"k{number}");
            try
            {
                if (isJson)
                {
                    using var put = await http.PostAsJsonAsync("/v1/kv/put", new { key = key.ToBase64(), value = key.ToBase64() });
                    if (put.StatusCode == HttpStatusCode.TooManyRequests)
                    {
                        continue;
                    }

                    Assert.True(put.IsSuccessStatusCode, await put.Content.ReadAsStringAsync());
                }
                else
                {
                    await Cluster.Kv(0).PutAsync(new PutRequest { Key = key, Value = key });
                }

                written++;
                Assert.True((await Cluster.Kv(0).GetAsync(new GetRequest { Key = key })).Found);
            }
            catch (RpcException full) when (full.StatusCode == StatusCode.ResourceExhausted)
            {
                // The full node leads this shard.
            }
        }

        Assert.True(written > 0, "no write was forwarded to a leader that has room");
    }

    private static RequestHeader Header(string keyspace) => new() { Keyspace = keyspace };

    private EventualKv.EventualKvClient Eventual(int node) => new(Cluster.Channel(node));

    private async Task CreateAsync(string name, bool isSloppy, ConflictPolicy policy = ConflictPolicy.Siblings)
    {
        await new Keyspaces.KeyspacesClient(Cluster.Channel(1)).CreateAsync(new CreateKeyspaceRequest
        {
            Keyspace = new KeyspaceInfo { Name = name, Mode = KeyspaceMode.Eventual, Eventual = new EventualPolicy { N = 3, R = 2, W = 2, Conflict = policy, Strict = !isSloppy } },
        });
    }
}
