using Grpc.Core;
using KvRaft.Node.Answers;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.V1;

namespace KvRaft.Node.KeyValue;

/// <summary>Runs pipes until their client closes them or the node stops.</summary>
internal sealed class PipeSessions(
    NodeOptions options, SingleKeyOperations operations, Admission admission, AnswerSends sends, IHostApplicationLifetime lifetime, TimeProvider time)
{
    public async Task RunAsync(
        IAsyncStreamReader<PipeRequest> requests, IServerStreamWriter<PipeResponse> responses, AnswerWindow window,
        CancellationToken cancellationToken)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);
        var session = new PipeSession(operations, admission, window, sends, options.Limits, responses, time);
        await session.RunAsync(requests, ending.Token);
    }
}
