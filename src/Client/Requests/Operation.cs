using Google.Protobuf;
using Grpc.Core;
using KvRaft.Client.Transport;
using KvRaft.V1;

namespace KvRaft.Client.Requests;

/// <summary>
/// What the client must know of one kind of request to carry it: everything the transports and the retry loop do is the same
/// for all kinds. <see cref="Operations"/> lists them.
/// </summary>
/// <param name="Name">For spans and metrics: GET, PUT, ...</param>
/// <param name="IsWrite">It carries an identity, and its outcome can be unknown.</param>
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
    /// May a write be sent again whose fate is unknown? Shards of strong keyspaces remember what they executed; an addition to an eventual
    /// counter could count twice.
    /// </summary>
    public bool IsRepeatable { get; init; } = true;

    /// <summary>Puts the request into a pipe call; null: this kind does not travel in pipes.</summary>
    public Action<PipeCall, TRequest>? ToPipe { get; init; }

    /// <summary>Takes the answer out of a pipe; null if the answer is of another kind.</summary>
    public Func<PipeAnswer, TResponse?>? FromPipe { get; init; }
}
