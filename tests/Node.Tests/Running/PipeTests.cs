using Google.Protobuf;
using Google.Rpc;
using Grpc.Core;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Running;

public sealed class PipeTests(SingleNode node) : IClassFixture<SingleNode>
{
    private readonly Kv.KvClient _kv = node.Cluster.Kv(0);

    [Fact]
    public async Task Every_call_is_answered_once_under_its_own_id()
    {
        using var pipe = _kv.Pipe();
        for (var message = 0; message < 10; message++)
        {
            var request = new PipeRequest();
            request.Calls.Add(Enumerable.Range(message * 100, 100).Select(i => new PipeCall
            {
                CorrelationId = i,
                Increment = new IncrementRequest { Key = ByteString.CopyFromUtf8($"pipe/{i}"), Delta = i },
            }));
            await pipe.RequestStream.WriteAsync(request);
        }

        await pipe.RequestStream.CompleteAsync();
        var answers = await AllAsync(pipe.ResponseStream);

        Assert.Equal(Enumerable.Range(0, 1000).Select(i => (long)i), answers.Select(answer => answer.CorrelationId).Order());
        Assert.All(answers, answer => Assert.Equal(answer.CorrelationId, answer.Increment.Value));
    }

    [Fact]
    public async Task A_wrong_call_fails_alone()
    {
        using var pipe = _kv.Pipe();
        await pipe.RequestStream.WriteAsync(new PipeRequest
        {
            Calls =
            {
                new PipeCall { CorrelationId = 1, Get = new GetRequest() },
                new PipeCall { CorrelationId = 2 },
                new PipeCall { CorrelationId = 3, Put = new PutRequest { Key = ByteString.CopyFromUtf8("pipe/ok") } },
            },
        });
        await pipe.RequestStream.CompleteAsync();

        var answers = (await AllAsync(pipe.ResponseStream)).ToDictionary(answer => answer.CorrelationId);

        Assert.Equal("INVALID_REQUEST", answers[1].Error.Reason);
        Assert.Equal(Execution.NotExecuted, answers[1].Error.Execution);
        Assert.Equal("operation", answers[2].Error.Metadata["field"]);
        Assert.True(answers[3].Put.Applied);
    }

    // Each answer repeated the name twice: 500 unread ones took 8 GB.
    [Fact]
    public async Task A_name_of_4_MB_is_refused_with_a_short_answer()
    {
        using var pipe = _kv.Pipe();
        for (var i = 1; i <= 5; i++)
        {
            await pipe.RequestStream.WriteAsync(new PipeRequest
            {
                Calls = { new PipeCall { CorrelationId = i, Get = new GetRequest { Key = ByteString.CopyFromUtf8("k"), Header = new() { Keyspace = new string('n', 4_100_000) } } } },
            });
        }

        await pipe.RequestStream.CompleteAsync();
        var answers = await AllAsync(pipe.ResponseStream);

        Assert.Equal(5, answers.Count);
        Assert.All(answers, static answer =>
        {
            Assert.Equal(("LIMIT_EXCEEDED", Execution.NotExecuted), (answer.Error.Reason, answer.Error.Execution));
            Assert.Equal(("63", "4100000", "header.keyspace"), (answer.Error.Metadata["limit"], answer.Error.Metadata["actual"], answer.Error.Metadata["field"]));
            Assert.InRange(answer.CalculateSize(), 1, 500);
        });
    }

    [Fact]
    public async Task A_message_with_too_many_calls_ends_the_pipe_with_the_limit()
    {
        using var pipe = _kv.Pipe();
        await pipe.RequestStream.WriteAsync(new PipeRequest { Calls = { Enumerable.Repeat(new PipeCall(), 1025) } });

        var error = await Assert.ThrowsAsync<RpcException>(() => AllAsync(pipe.ResponseStream));

        Assert.Equal(StatusCode.InvalidArgument, error.StatusCode);
        Assert.Contains("limits.pipeOperationsPerMessageMax", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_that_is_too_large_is_refused_while_it_is_written_and_the_answer_has_the_reason()
    {
        // Far more than may be in progress unread, so that the refusal always arrives while the writer writes.
        var message = new PipeRequest
        {
            Calls = { new PipeCall { Put = new PutRequest { Key = ByteString.CopyFromUtf8("k"), Value = ByteString.CopyFrom(new byte[32 << 20]) } } },
        };
        for (var i = 0; i < 5; i++)
        {
            using var pipe = _kv.Pipe();

            // Not awaited: a write that waits for flow control of a stream that the other side has ended may never complete (seen once). The client does not await it either.
            var write = pipe.RequestStream.WriteAsync(message);
            _ = write.ContinueWith(static done => done.Exception, TaskScheduler.Default);
            var read = await Assert.ThrowsAsync<RpcException>(() => AllAsync(pipe.ResponseStream));
            Assert.False(write.IsCompletedSuccessfully, "what was refused was written to its end");

            var info = read.GetRpcStatus()!.GetDetail<ErrorInfo>()!;
            Assert.Equal((StatusCode.InvalidArgument, ErrorReasons.LimitExceeded), (read.StatusCode, info.Reason));
            Assert.Equal(("UNKNOWN", "limits.messageBytesMax", $"{4 << 20}"), (info.Metadata["execution"], info.Metadata["setting"], info.Metadata["limit"]));
        }
    }

    private static async Task<List<PipeAnswer>> AllAsync(IAsyncStreamReader<PipeResponse> stream)
    {
        using var patience = new CancellationTokenSource(RunningCluster.Patience);
        var answers = new List<PipeAnswer>();
        await foreach (var message in stream.ReadAllAsync(patience.Token))
        {
            answers.AddRange(message.Answers);
        }

        return answers;
    }
}
