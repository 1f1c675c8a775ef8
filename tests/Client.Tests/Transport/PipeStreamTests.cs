using Grpc.Core;
using KvRaft.Client.Transport;
using KvRaft.V1;

namespace KvRaft.Client.Tests.Transport;

public sealed class PipeStreamTests
{
    /// <summary>
    /// Observed once in a run of all tests: the node had refused a large message halfway, the writer waited for flow control on an ended stream,
    /// neither its token nor the end of the call ended the wait, and closing the client did not return.
    /// </summary>
    [Fact]
    public async Task A_write_that_hangs_does_not_block_the_disposal()
    {
        var writer = new NeverWriting();
        var pipe = new PipeStream(new Kv.KvClient(new OneStream(writer)), new KvClientOptions { Endpoints = ["127.0.0.1:1"] }, hasConnected: static () => true);
        var call = pipe.CallAsync(static _ => { }, bytes: 1, TimeSpan.FromMinutes(1), CancellationToken.None).AsTask();
        await writer.Begun.Task;

        await pipe.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));

        Assert.Equal(KvOutcome.Unknown, (await call).Failure?.Outcome);
    }

    private sealed class NeverWriting : IClientStreamWriter<PipeRequest>
    {
        public TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Grpc.Core.WriteOptions? WriteOptions { get; set; }

        public Task WriteAsync(PipeRequest message) => WriteAsync(message, CancellationToken.None);

        public Task WriteAsync(PipeRequest message, CancellationToken cancellationToken)
        {
            Begun.SetResult();
            return new TaskCompletionSource().Task;
        }

        public Task CompleteAsync() => Task.CompletedTask;
    }

    private sealed class NeverReading : IAsyncStreamReader<PipeResponse>
    {
        public PipeResponse Current => throw new InvalidOperationException("Nothing was read.");

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
            return false;
        }
    }

    private sealed class OneStream(NeverWriting writer) : CallInvoker
    {
        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options) => new(
                (IClientStreamWriter<TRequest>)(object)writer,
                (IAsyncStreamReader<TResponse>)(object)new NeverReading(),
                Task.FromResult(new Metadata()),
                static () => Status.DefaultSuccess,
                static () => [],
                static () => { });

        public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) =>
            throw new NotSupportedException();

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request) => throw new NotSupportedException();

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
            Method<TRequest, TResponse> method, string? host, CallOptions options) => throw new NotSupportedException();
    }
}
