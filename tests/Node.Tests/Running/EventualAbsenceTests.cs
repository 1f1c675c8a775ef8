using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

/// <summary>Eventual keyspaces while nodes are away.</summary>
public sealed class EventualAbsenceTests
{
    [Fact]
    public async Task With_one_node_away_a_quorum_still_answers_and_with_two_away_one_that_asks_for_less()
    {
        await using var cluster = await RunningCluster.StartAsync(3);
        await new V1.Keyspaces.KeyspacesClient(cluster.Channel(0)).CreateAsync(
            new CreateKeyspaceRequest { Keyspace = new KeyspaceInfo { Name = "carts", Mode = KeyspaceMode.Eventual } });
        await cluster.StopNodeAsync(2);

        await PutAsync(cluster, 0, "milk");
        Assert.Equal(["milk"], Texts(await GetAsync(cluster, 1)));

        await cluster.StopNodeAsync(1);
        Assert.Equal("UNKNOWN", await NotReachedAsync(() => PutAsync(cluster, 0, "bread")));
        Assert.Equal("NOT_EXECUTED", await NotReachedAsync(() => GetAsync(cluster, 0)));

        var alone = await PutAsync(cluster, 0, "eggs", new QuorumOptions { W = 1 });
        Assert.Equal((1, false), (alone.Header.Answered, alone.Header.Overlaps));
        Assert.Contains("eggs", Texts(await GetAsync(cluster, 0, new QuorumOptions { R = 1 })));
    }

    private static readonly ByteString Key = ByteString.CopyFromUtf8("k");
    private static readonly RequestHeader Header = new() { Keyspace = "carts" };

    private static string[] Texts(EventualGetResponse response) => [.. response.Values.Select(static value => value.Value.ToStringUtf8()).Order()];

    private static Task<EventualPutResponse> PutAsync(RunningCluster cluster, int node, string value, QuorumOptions? quorum = null) =>
        new EventualKv.EventualKvClient(cluster.Channel(node)).PutAsync(
            new EventualPutRequest { Header = Header, Key = Key, Value = ByteString.CopyFromUtf8(value), Quorum = quorum }).ResponseAsync;

    private static Task<EventualGetResponse> GetAsync(RunningCluster cluster, int node, QuorumOptions? quorum = null) =>
        new EventualKv.EventualKvClient(cluster.Channel(node)).GetAsync(new EventualGetRequest { Header = Header, Key = Key, Quorum = quorum }).ResponseAsync;

    private static async Task<string> NotReachedAsync(Func<Task> act)
    {
        var info = (await Assert.ThrowsAsync<RpcException>(act)).GetRpcStatus()!.GetDetail<ErrorInfo>();
        Assert.Equal("QUORUM_NOT_REACHED", info.Reason);
        return info.Metadata["execution"];
    }
}
