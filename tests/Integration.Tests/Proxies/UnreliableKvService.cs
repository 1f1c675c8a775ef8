using System.Threading.Channels;
using Grpc.Core;
using KvRaft.V1;
using Microsoft.AspNetCore.Connections.Features;

namespace KvRaft.Integration.Tests.Proxies;

/// <summary>The increments of clients, unary or in pipes, on their way through an <see cref="UnreliableProxy"/>.</summary>
internal sealed class UnreliableKvService(UnreliableProxy proxy) : Kv.KvBase
{
    /// <summary>A node whose process has ended may leave a call hanging; the client has abandoned it long before.</summary>
    private static readonly TimeSpan CallPatience = TimeSpan.FromSeconds(5);

    public override async Task<IncrementResponse> Increment(IncrementRequest request, ServerCallContext context)
    {
        var answer = await TwiceAsync(request);
        if (proxy.Mischief.Reconnects())
        {
            context.GetHttpContext().Features.Get<IConnectionLifetimeFeature>()?.Abort();
        }

        if (proxy.Mischief.DropsAnswer())
        {
            context.GetHttpContext().Abort();
        }

        return answer;
    }

    public override async Task Pipe(
        IAsyncStreamReader<PipeRequest> requestStream, IServerStreamWriter<PipeResponse> responseStream, ServerCallContext context)
    {
        var answers = Channel.CreateUnbounded<PipeAnswer>();
        var writing = WriteAsync(answers.Reader, responseStream, context);
        try
        {
            while (await requestStream.MoveNext(context.CancellationToken))
            {
                foreach (var call in requestStream.Current.Calls)
                {
                    _ = AnswerAsync(call, answers.Writer);
                }
            }
        }
        catch (Exception error) when (error is OperationCanceledException or IOException)
        {
            // The client disconnected, or its connection was ended here.
        }

        answers.Writer.TryComplete();
        await writing;
    }

    /// <summary>Sends twice, one after the other, and returns the last answer: usually that of the repetition.</summary>
    private async Task<IncrementResponse> TwiceAsync(IncrementRequest request)
    {
        if (proxy.Mischief.Reconnects())
        {
            proxy.Reconnect();
        }

        var first = await SendAsync(request);
        var second = await SendAsync(request);
        return second.Answer ?? first.Answer ?? throw second.Error!;
    }

    private async Task<(IncrementResponse? Answer, RpcException? Error)> SendAsync(IncrementRequest request)
    {
        try
        {
            var answer = await proxy.Node.IncrementAsync(request.Clone(), deadline: DateTime.UtcNow + CallPatience);
            proxy.Ledger.Note(request.Header.Identity, answer);
            return (answer, null);
        }
        catch (RpcException error)
        {
            return (null, error);
        }
        catch (ObjectDisposedException)
        {
            return (null, new RpcException(new Status(StatusCode.Unavailable, "the proxy reconnects")));
        }
    }

    private async Task AnswerAsync(PipeCall call, ChannelWriter<PipeAnswer> answers)
    {
        var answer = new PipeAnswer { CorrelationId = call.CorrelationId };
        try
        {
            answer.Increment = await TwiceAsync(call.Increment);
        }
        catch (RpcException error)
        {
            // As a node would report a connection that failed under a write.
            answer.Error = new ErrorDetail
            {
                Code = (int)error.StatusCode,
                Message = error.Status.Detail,
                Reason = ErrorReasons.QuorumLost,
                Execution = Execution.Unknown,
            };
        }

        if (!proxy.Mischief.DropsAnswer())
        {
            answers.TryWrite(answer);
        }
    }

    private async Task WriteAsync(ChannelReader<PipeAnswer> answers, IServerStreamWriter<PipeResponse> stream, ServerCallContext context)
    {
        try
        {
            await foreach (var answer in answers.ReadAllAsync(context.CancellationToken))
            {
                if (proxy.Mischief.Reconnects())
                {
                    context.GetHttpContext().Features.Get<IConnectionLifetimeFeature>()?.Abort();
                }

                await stream.WriteAsync(new PipeResponse { Answers = { answer } }, context.CancellationToken);
            }
        }
        catch (Exception error) when (error is OperationCanceledException or IOException or InvalidOperationException)
        {
            // As above: the client sends again a call that is lost here.
        }
    }
}
