using System.Globalization;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

public sealed class ThreeNodesTests
{
    [Fact]
    public async Task Any_node_answers_a_refusal_names_the_leader_and_a_restart_keeps_everything()
    {
        await using var cluster = await RunningCluster.StartAsync(nodes: 3, shards: 4);
        for (var i = 0; i < 30; i++)
        {
            await cluster.Kv(i % 3).PutAsync(Put(i));
        }

        for (var i = 0; i < 30; i++)
        {
            var answer = await cluster.Kv((i + 1) % 3).GetAsync(new GetRequest { Key = Key(i) });
            Assert.Equal(Text(i), answer.Current.Value.ToStringUtf8());
        }

        await RefusesWithHintAsync(cluster);
        for (var node = 0; node < 3; node++)
        {
            await cluster.StopNodeAsync(node);
        }

        await Task.WhenAll(Enumerable.Range(0, 3).Select(cluster.StartNodeAsync));
        await cluster.WhenReadyAsync();
        for (var i = 0; i < 30; i++)
        {
            var answer = await cluster.Kv(i % 3).GetAsync(new GetRequest { Key = Key(i) });
            Assert.Equal(Text(i), answer.Current.Value.ToStringUtf8());
        }
    }

    /// <summary>Somebody does not lead the shard of key 0; who does says the refusal, and asking there works.</summary>
    private static async Task RefusesWithHintAsync(RunningCluster cluster)
    {
        var get = new GetRequest { Header = new RequestHeader { NoForward = true }, Key = Key(0) };
        var refusals = 0;
        for (var node = 0; node < 3; node++)
        {
            try
            {
                var answer = await cluster.Kv(node).GetAsync(get);
                Assert.Equal("n" + (node + 1).ToString(CultureInfo.InvariantCulture), answer.Header.ServedBy);
            }
            catch (RpcException error) when (error.StatusCode == StatusCode.FailedPrecondition)
            {
                refusals++;
                var status = error.GetRpcStatus()!;
                Assert.Equal("NOT_LEADER", status.GetDetail<ErrorInfo>()!.Reason);
                var hint = status.GetDetail<RouteHint>()!;
                var leader = Enumerable.Range(0, 3).Single(other => cluster.Options(other).NodeId.Value == hint.LeaderNode);
                Assert.Equal(cluster.Options(leader).Self.Public.ToString(), hint.LeaderEndpoint);
                Assert.Equal(3, hint.Replicas.Count);
                Assert.True((await cluster.Kv(leader).GetAsync(get)).Found);
            }
        }

        Assert.Equal(2, refusals);
    }

    [Fact]
    public async Task Writes_go_on_through_the_others_when_a_node_stops()
    {
        await using var cluster = await RunningCluster.StartAsync(nodes: 3, shards: 4);
        await cluster.StopNodeAsync(2);

        for (var i = 0; i < 20; i++)
        {
            var header = new RequestHeader
            {
                TimeoutMs = (int)RunningCluster.Patience.TotalMilliseconds,
                Identity = new RequestIdentity
                {
                    ClientId = ByteString.CopyFrom(Guid.CreateVersion7().ToByteArray(bigEndian: true)),
                    Sequence = 1,
                    FirstUnacked = 1,
                },
            };
            await RepeatUnknownAsync(() => cluster.Kv(i % 2).PutAsync(new PutRequest { Header = header, Key = Key(i), Value = Value(i) }));
        }

        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(Text(i), (await cluster.Kv((i + 1) % 2).GetAsync(new GetRequest { Key = Key(i) })).Current.Value.ToStringUtf8());
        }
    }

    /// <summary>What a client does: a write of unknown fate is sent again under the same identity.</summary>
    private static async Task RepeatUnknownAsync(Func<AsyncUnaryCall<PutResponse>> put)
    {
        while (true)
        {
            try
            {
                await put();
                return;
            }
            catch (RpcException error) when (error.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Metadata["execution"] == "UNKNOWN")
            {
                // Again.
            }
        }
    }

    private static PutRequest Put(int i) => new() { Key = Key(i), Value = Value(i) };

    private static ByteString Key(int i) => ByteString.CopyFromUtf8("key" + Text(i));

    private static ByteString Value(int i) => ByteString.CopyFromUtf8(Text(i));

    private static string Text(int i) => i.ToString(CultureInfo.InvariantCulture);
}
