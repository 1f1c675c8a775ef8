using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Tests.Running;

/// <summary>A node that has as many requests in progress as it may: reads that wait for a lost quorum, until their deadlines.</summary>
public sealed class OverloadTests : IAsyncLifetime
{
    private const int InHandMax = 8;

    private RunningCluster? _cluster;

    private Kv.KvClient Client => _cluster!.Kv(0);

    public async ValueTask InitializeAsync()
    {
        _cluster = await RunningCluster.StartAsync(
            nodes: 2, shards: 2, options => options with
            {
                Limits = new Limits { DiskReserveBytes = 0, RequestsInHandMax = InHandMax },
                Timings = options.Timings with { StopGrace = TimeSpan.FromMilliseconds(200) },
            });
        await _cluster.StopNodeAsync(1);
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    [Fact]
    public async Task Every_kind_of_call_is_refused_with_a_delay_and_the_node_itself_can_still_be_asked()
    {
        using var ending = new CancellationTokenSource();
        using var full = Client.Pipe(cancellationToken: ending.Token);
        await full.RequestStream.WriteAsync(new PipeRequest { Calls = { Enumerable.Range(1, InHandMax).Select(Read) } });
        await WhenInHandAsync(InHandMax);

        var unary = await Assert.ThrowsAsync<RpcException>(async () => await Client.PutAsync(new PutRequest { Key = Key }));
        var batch = await Assert.ThrowsAsync<RpcException>(async () => await Client.MultiGetAsync(new MultiGetRequest { Keys = { Key } }));
        var stream = await Assert.ThrowsAsync<RpcException>(() => Client.MultiGetStream(new MultiGetRequest { Keys = { Key } }).ResponseStream.MoveNext());
        var scan = await Assert.ThrowsAsync<RpcException>(() => Client.Scan(new ScanRequest()).ResponseStream.MoveNext());
        var txn = await Assert.ThrowsAsync<RpcException>(async () => await Client.TxnAsync(new TxnRequest { Success = { new TxnOperation { Get = new() { Key = Key } } } }));
        Assert.All([unary, batch, stream, scan, txn], AssertOverloaded);

        using var second = Client.Pipe();
        await second.RequestStream.WriteAsync(new PipeRequest { Calls = { Read(77) } });
        Assert.True(await second.ResponseStream.MoveNext(CancellationToken.None));
        var answer = second.ResponseStream.Current.Answers.Single();
        Assert.Equal((77L, ErrorReasons.Overloaded, Execution.NotExecuted), (answer.CorrelationId, answer.Error.Reason, answer.Error.Execution));
        Assert.True(answer.Error.RetryDelayMs > 0);
        await second.RequestStream.CompleteAsync();

        Assert.Equal("n1", (await new Admin.AdminClient(_cluster!.Channel(0)).StatusAsync(new StatusRequest())).NodeId);
        Assert.Equal(InHandMax, (await new Keyspaces.KeyspacesClient(_cluster.Channel(0)).GetLimitsAsync(new GetLimitsRequest())).RequestsInHandMax);
        await ending.CancelAsync();
    }

    private static ByteString Key { get; } = ByteString.CopyFromUtf8("k");

    /// <summary>A read that waits: a write would be answered as unknown when the leader gives up, a read is repeated until its deadline.</summary>
    private static PipeCall Read(int id) => new()
    {
        CorrelationId = id,
        Get = new GetRequest { Header = new RequestHeader { TimeoutMs = 50_000 }, Key = Key },
    };

    private async Task WhenInHandAsync(int requests)
    {
        // The node reports nothing when a call starts, so the test polls.
        var admission = _cluster!.Nodes[0]!.Service<KvRaft.Node.Requests.Admission>();
        using var patience = new CancellationTokenSource(RunningCluster.Patience);
        while (admission.Requests < requests)
        {
            await Task.Delay(10, patience.Token);
        }
    }

    private static void AssertOverloaded(RpcException error)
    {
        var status = error.GetRpcStatus()!;
        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        Assert.Equal(ErrorReasons.Overloaded, status.GetDetail<ErrorInfo>()!.Reason);
        Assert.Equal("NOT_EXECUTED", status.GetDetail<ErrorInfo>()!.Metadata["execution"]);
        Assert.True(status.GetDetail<RetryInfo>()!.RetryDelay.ToTimeSpan() > TimeSpan.Zero);
    }
}
