using Google.Protobuf;
using Grpc.Core;
using KvRaft.Client.Requests;
using KvRaft.V1;

namespace KvRaft.Client.Transport;

/// <summary>
/// The properties of one kind of request that the transports and the retry loop need; both are the same for all kinds. <see cref="Operations"/> lists
/// the kinds.
/// </summary>
/// <param name="Name">For spans and metrics: GET, PUT, ...</param>
/// <param name="IsWrite">The request has a request id, and its outcome can be unknown.</param>
internal sealed record Operation<TRequest, TResponse>(
    string Name,
    bool IsWrite,
    Action<TRequest, RequestHeader> SetHeader,
    Func<TResponse, ResponseHeader?> HeaderOf,
    Func<NodeConnection, TRequest, CallOptions, AsyncUnaryCall<TResponse>> CallUnary)
    where TRequest : class, IMessage<TRequest>
    where TResponse : class
{
    /// <summary>
    /// True if a write with an unknown outcome may be sent again. Shards of strong keyspaces store the outcome of executed writes; an addition to an
    /// eventual counter could be counted twice.
    /// </summary>
    public bool IsRepeatable { get; init; } = true;

    /// <summary>Puts the request into a pipe call; null: this kind has no pipe call.</summary>
    public Action<PipeCall, TRequest>? ToPipe { get; init; }

    /// <summary>Takes the answer out of a pipe answer; null if the answer is of another kind.</summary>
    public Func<PipeAnswer, TResponse?>? FromPipe { get; init; }
}
