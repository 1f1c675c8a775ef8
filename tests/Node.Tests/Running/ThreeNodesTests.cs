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

    /// <summary>
    /// A node that does not lead the shard of key 0 refuses, the refusal names the leader, and the same call to the leader succeeds. In its first seconds a cluster transfers leaderships
    /// until every node has its share: if that happened during a round, so that its answers may differ, the round is repeated.
    /// </summary>
    private static async Task RefusesWithHintAsync(RunningCluster cluster)
    {
        using var patience = new CancellationTokenSource(RunningCluster.Patience);
        string?[] leaders;
        do
        {
            patience.Token.ThrowIfCancellationRequested();
            leaders = [await LeaderByAsync(cluster, 0), await LeaderByAsync(cluster, 1), await LeaderByAsync(cluster, 2)];
        }
        while (leaders[0] is null || leaders.Any(other => other != leaders[0]));
    }

    /// <summary>The leader of the shard of key 0 according to one node: itself, if it answers, or the node that its refusal names. Null if there is none at the moment.</summary>
    private static async Task<string?> LeaderByAsync(RunningCluster cluster, int node)
    {
        var get = new GetRequest { Header = new RequestHeader { NoForward = true }, Key = Key(0) };
        try
        {
            var answer = await cluster.Kv(node).GetAsync(get);
            Assert.Equal("n" + (node + 1).ToString(CultureInfo.InvariantCulture), answer.Header.ServedBy);
            Assert.True(answer.Found);
            return answer.Header.ServedBy;
        }
        catch (RpcException error) when (error.GetRpcStatus()?.GetDetail<ErrorInfo>()?.Reason == "NO_LEADER")
        {
            return null;
        }
        catch (RpcException error) when (error.StatusCode == StatusCode.FailedPrecondition)
        {
            var status = error.GetRpcStatus()!;
            Assert.Equal("NOT_LEADER", status.GetDetail<ErrorInfo>()!.Reason);
            var hint = status.GetDetail<RouteHint>()!;
            var leader = Enumerable.Range(0, 3).Single(other => cluster.Options(other).NodeId.Value == hint.LeaderNode);
            Assert.NotEqual(node, leader);
            Assert.Equal(cluster.Options(leader).Self.Public.ToString(), hint.LeaderEndpoint);
            Assert.Equal(3, hint.Replicas.Count);
            return hint.LeaderNode;
        }
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

    /// <summary>The behaviour of a client: a write with an unknown outcome is sent again under the same identity.</summary>
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
                // Repeat.
            }
        }
    }

    private static PutRequest Put(int i) => new() { Key = Key(i), Value = Value(i) };

    private static ByteString Key(int i) => ByteString.CopyFromUtf8("key" + Text(i));

    private static ByteString Value(int i) => ByteString.CopyFromUtf8(Text(i));

    private static string Text(int i) => i.ToString(CultureInfo.InvariantCulture);
}
