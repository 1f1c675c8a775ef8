using Google.Protobuf;
using Grpc.Core;
using KvRaft.V1;

namespace KvRaft.Client.Tests.Fakes;

/// <summary>The data plane of a <see cref="FakeNode"/>: pipes and unary calls follow the same steps.</summary>
internal sealed class FakeKvService(FakeNode node) : Kv.KvBase
{
    public override async Task Pipe(
        IAsyncStreamReader<PipeRequest> requestStream, IServerStreamWriter<PipeResponse> responseStream, ServerCallContext context)
    {
        Interlocked.Increment(ref node.PipesOpened);
        using var writing = new SemaphoreSlim(1);
        while (await requestStream.MoveNext(context.CancellationToken))
        {
            Interlocked.Increment(ref node.Messages);
            foreach (var call in requestStream.Current.Calls)
            {
                node.Calls.Enqueue(call);
                var step = node.Next(call);
                if (step is Step.Hold hold)
                {
                    _ = AnswerLaterAsync(call, hold.Until);
                    continue;
                }

                await TakeAsync(step, call, AnswerAsync);
            }
        }

        async Task AnswerLaterAsync(PipeCall call, Task until)
        {
            await until;
            await AnswerAsync(node.Store.Execute(call));
        }

        async Task AnswerAsync(PipeAnswer answer)
        {
            await writing.WaitAsync();
            await responseStream.WriteAsync(new PipeResponse { Answers = { answer } });
            writing.Release();
        }
    }

    public override Task<PutResponse> Put(PutRequest request, ServerCallContext context) =>
        UnaryAsync(new PipeCall { Put = request }, static answer => answer.Put, context);

    public override Task<GetResponse> Get(GetRequest request, ServerCallContext context) =>
        UnaryAsync(new PipeCall { Get = request }, static answer => answer.Get, context);

    public override async Task Scan(ScanRequest request, IServerStreamWriter<ScanChunk> responseStream, ServerCallContext context)
    {
        var items = node.Store.Snapshot();
        var from = request.ResumeToken.IsEmpty ? 0 : int.Parse(request.ResumeToken.ToStringUtf8(), System.Globalization.CultureInfo.InvariantCulture);
        var until = request.Limit == 0 ? items.Count : Math.Min(items.Count, from + (int)request.Limit);
        for (var at = from; at < until; at += 2)
        {
            if (node.ScanChunksBeforeBreak is { } left)
            {
                if (left == 0)
                {
                    node.ScanChunksBeforeBreak = null;
                    throw new RpcException(new Status(StatusCode.Unavailable, "scripted"));
                }

                node.ScanChunksBeforeBreak = left - 1;
            }

            var end = Math.Min(at + 2, until);
            var chunk = new ScanChunk { ResumeToken = ByteString.CopyFromUtf8($"{end}"), Done = end == items.Count };
            for (var i = at; i < end; i++)
            {
                chunk.Items.Add(new ScanChunk.Types.Item { Key = ByteString.CopyFromUtf8(items[i].Key), State = items[i].State });
            }

            await responseStream.WriteAsync(chunk);
        }

        if (from >= until)
        {
            await responseStream.WriteAsync(new ScanChunk { Done = true });
        }
    }

    private async Task<T> UnaryAsync<T>(PipeCall call, Func<PipeAnswer, T> take, ServerCallContext context)
    {
        node.Calls.Enqueue(call);
        PipeAnswer? answer = null;
        await TakeAsync(
            node.Next(call),
            call,
            given =>
            {
                answer = given;
                return Task.CompletedTask;
            });
        if (answer is null)
        {
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
        }

        return answer!.Error is { } error ? throw Rich(error) : take(answer);
    }

    private async Task TakeAsync(Step step, PipeCall call, Func<PipeAnswer, Task> answer)
    {
        switch (step)
        {
            case Step.Answer:
                await answer(node.Store.Execute(call));
                break;
            case Step.AnswerTwice:
                await answer(node.Store.Execute(call));
                await answer(node.Store.Execute(call));
                break;
            case Step.LoseAnswer:
                node.Store.Execute(call);
                break;
            case Step.Swallow:
                break;
            case Step.ExecuteAndBreak:
                node.Store.Execute(call);
                throw new RpcException(new Status(StatusCode.Unavailable, "scripted"));
            case Step.Break:
                throw new RpcException(new Status(StatusCode.Unavailable, "scripted"));
            case Step.Refuse refuse:
                var error = refuse.Error.Clone();
                error.CorrelationId = call.CorrelationId;
                await answer(error);
                break;
            default:
                throw new InvalidOperationException($"Unknown step {step}.");
        }
    }

    private static RpcException Rich(ErrorDetail error) => new Google.Rpc.Status
    {
        Code = error.Code,
        Message = error.Message,
        Details =
        {
            Google.Protobuf.WellKnownTypes.Any.Pack(new Google.Rpc.ErrorInfo
            {
                Reason = error.Reason,
                Domain = ErrorReasons.Domain,
                Metadata =
                {
                    [ErrorReasons.ExecutionKey] =
                        error.Execution == Execution.NotExecuted ? ErrorReasons.NotExecuted : ErrorReasons.Unknown,
                },
            }),
            Google.Protobuf.WellKnownTypes.Any.Pack(error.RouteHint ?? new RouteHint()),
        },
    }.ToRpcException();
}
