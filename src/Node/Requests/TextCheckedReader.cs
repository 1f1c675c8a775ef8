using Google.Protobuf;
using Grpc.Core;

namespace KvRaft.Node.Requests;

/// <summary>The messages of a stream, each checked like the request of a unary call (<see cref="RequestText"/>).</summary>
internal sealed class TextCheckedReader<T>(IAsyncStreamReader<T> inner) : IAsyncStreamReader<T>
{
    public T Current => inner.Current;

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (!await inner.MoveNext(cancellationToken))
        {
            return false;
        }

        return inner.Current is IMessage message && RequestText.Check(message) is { } failure ? throw RpcStatus.ToException(failure) : true;
    }
}
