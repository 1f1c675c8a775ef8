using Google.Protobuf;
using Grpc.Core;
using KvRaft.V1;

namespace KvRaft.Node.Requests;

/// <summary>
/// The messages of a stream. Each is checked like the request of a unary call (<see cref="RequestText"/>); a pipe checks its calls itself, and answers a refused one without an end of the
/// others. A message that cannot be read ends the stream, whose earlier messages may have been executed.
/// </summary>
internal sealed class CheckedRequests<T>(IAsyncStreamReader<T> inner) : IAsyncStreamReader<T>
{
    public T Current => inner.Current;

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        try
        {
            if (!await inner.MoveNext(cancellationToken))
            {
                return false;
            }
        }
        catch (RpcException refused) when (RpcStatus.ToFailure(refused) is { IsNotExecuted: true } failure)
        {
            throw RpcStatus.ToException(failure with { Execution = Execution.Unknown });
        }

        return inner.Current is not PipeRequest and IMessage message && RequestText.Check(message) is { } tooLong ? throw RpcStatus.ToException(tooLong) : true;
    }
}
