using System.Globalization;
using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.Integration.Tests.Processes;
using KvRaft.V1;

namespace KvRaft.Integration.Tests;

/// <summary>The guarantees of the protocol, tested on three real processes by plain gRPC, as a client in another language would call them.</summary>
public sealed class ProtocolTests(ThreeProcesses processes) : IClassFixture<ThreeProcesses>
{
    [Fact]
    public async Task Every_answer_has_the_node_that_gave_it_and_its_level()
    {
        var key = Bytes("explained");
        foreach (var node in processes.Kv)
        {
            var put = (await node.PutAsync(new PutRequest { Key = key })).Header;
            var read = (await node.GetAsync(new GetRequest { Key = key })).Header;
            var bounded = (await node.GetAsync(new GetRequest { Key = key, Options = new() { Bounded = new() { MaxStalenessMs = 60_000 } } })).Header;

            Assert.Equal((ServedRole.Leader, Durability.QuorumFsync), (put.RoleServed, put.DurabilityReached));
            Assert.Equal((put.ServedBy, Consistency.Linearizable, 0L), (read.ServedBy, read.ConsistencyDelivered, read.StalenessMs));
            Assert.InRange(bounded.StalenessMs, 0, 60_000);
        }

        var any = await Task.WhenAll(processes.Kv.Select(async node =>
            (await node.GetAsync(new GetRequest { Key = key, Options = new() { Any = new() } })).Header));
        Assert.Equal(["n1", "n2", "n3"], any.Select(header => header.ServedBy));
        Assert.All(any, header => Assert.Equal(Consistency.Any, header.ConsistencyDelivered));
        Assert.Contains(any, header => header.RoleServed == ServedRole.Follower);
    }

    [Fact]
    public async Task A_scan_ends_at_its_bytes_and_goes_on_from_its_token_at_another_node()
    {
        var keys = Enumerable.Range(0, 200).Select(i => string.Create(CultureInfo.InvariantCulture, $"walk/{i:d3}")).ToArray();
        await Task.WhenAll(keys.Select(async key => await processes.Kv[0].PutAsync(new PutRequest { Key = Bytes(key), Value = Bytes(new string('x', 100)) })));

        var seen = new List<string>();
        var steps = 0;
        for (var (token, done) = (ByteString.Empty, false); !done; steps++)
        {
            using var call = processes.Kv[steps % 3].Scan(new ScanRequest { Prefix = Bytes("walk/"), Ordered = true, BytesMax = 2_000, ResumeToken = token });
            while (await call.ResponseStream.MoveNext(TestContext.Current.CancellationToken))
            {
                var chunk = call.ResponseStream.Current;
                seen.AddRange(chunk.Items.Select(item => item.Key.ToStringUtf8()));
                (token, done) = (chunk.ResumeToken, chunk.Done);
            }
        }

        Assert.Equal(keys, seen);
        Assert.True(steps >= 10, $"{steps} steps");
    }

    [Fact]
    public async Task A_request_id_has_one_answer_and_is_refused_for_another_write()
    {
        var identity = new RequestIdentity { ClientId = ByteString.CopyFrom(Guid.NewGuid().ToByteArray()), Sequence = 1, FirstUnacked = 1 };
        var request = new IncrementRequest { Header = new() { Identity = identity }, Key = Bytes("named-once"), Delta = 5 };

        var answers = new List<IncrementResponse>();
        foreach (var node in processes.Kv)
        {
            answers.Add(await node.IncrementAsync(request));
        }

        var other = request.Clone();
        other.Delta = 6;
        var error = await Assert.ThrowsAsync<RpcException>(async () => await processes.Kv[1].IncrementAsync(other));
        var told = await processes.Kv[2].GetRequestResultAsync(new GetRequestResultRequest { Identity = identity, Key = request.Key });

        Assert.All(answers, answer => Assert.Equal((5L, answers[0].Version), (answer.Value, answer.Version)));
        Assert.Equal([false, true, true], answers.Select(answer => answer.Header.Deduplicated));
        Assert.Equal((StatusCode.AlreadyExists, ErrorReasons.RequestIdReused), (error.StatusCode, InfoOf(error).Reason));
        Assert.Equal(GetRequestResultResponse.Types.State.Executed, told.State);
    }

    [Fact]
    public async Task A_refusal_names_the_limit_the_actual_value_and_the_setting()
    {
        var limits = await processes.Client.Administration.Calls.GetLimitsAsync(TestContext.Current.CancellationToken);
        var value = ByteString.CopyFrom(new byte[limits.ValueBytesMax + 1]);

        var error = await Assert.ThrowsAsync<RpcException>(async () => await processes.Kv[0].PutAsync(new PutRequest { Key = Bytes("k"), Value = value }));
        var batch = await Assert.ThrowsAsync<RpcException>(async () => await processes.Kv[0].MultiGetAsync(
            new MultiGetRequest { Keys = { Enumerable.Repeat(Bytes("k"), limits.MultiKeysMax + 1) } }));

        Assert.Equal(
            (ErrorReasons.LimitExceeded, $"{limits.ValueBytesMax}", $"{limits.ValueBytesMax + 1}", "limits.valueBytesMax"),
            (InfoOf(error).Reason, InfoOf(error).Metadata["limit"], InfoOf(error).Metadata["actual"], InfoOf(error).Metadata["setting"]));
        Assert.Equal((ErrorReasons.LimitExceeded, "257"), (InfoOf(batch).Reason, InfoOf(batch).Metadata["actual"]));
    }

    private static ErrorInfo InfoOf(RpcException error) => error.GetRpcStatus()!.GetDetail<ErrorInfo>()!;

    private static ByteString Bytes(string text) => ByteString.CopyFromUtf8(text);
}
