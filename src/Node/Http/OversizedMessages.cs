using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using Google.Protobuf;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.V1;
using Microsoft.AspNetCore.Http.Features;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Http;

/// <summary>
/// Reports a gRPC message that is too large like an excess of any other limit. gRPC refuses such a message before KvRaft's code sees it,
/// with a bare RESOURCE_EXHAUSTED that names neither limit nor size, and that clients take for an overload and repeat.
/// <para>
/// The refused message is still unread in the request's body, and its prefix has its size. An answer of this node that was too large to send ends in
/// the same bare status and is not changed.
/// </para>
/// </summary>
internal static class OversizedMessages
{
    private const string StatusTrailer = "grpc-status";
    private const string MessageTrailer = "grpc-message";
    private const string DetailsTrailer = "grpc-status-details-bin";

    /// <summary>A flag and a length of four bytes stand before every message (gRPC over HTTP/2, Length-Prefixed-Message).</summary>
    private const int PrefixBytes = 5;

    private static readonly string Refused = ((int)StatusCode.ResourceExhausted).ToString(CultureInfo.InvariantCulture);

    public static void ExplainOversizedMessages(this WebApplication app, Limits limits) => app.Use(async (context, next) =>
    {
        await next(context);
        if (context.GetEndpoint()?.Metadata.GetMetadata<GrpcMethodMetadata>() is { } call && Trailers(context.Response) is { } trailers
            && trailers[StatusTrailer] == Refused && !trailers.ContainsKey(DetailsTrailer)
            && UnreadMessageBytes(context.Request) is { } bytes && bytes > limits.MessageBytesMax)
        {
            Explain(trailers, new LimitExceeded("message", "limits.messageBytesMax", limits.MessageBytesMax, bytes), call.Method.Type);
        }
    });

    /// <summary>Where gRPC has put its status: among the headers, unless an answer has started.</summary>
    private static IHeaderDictionary? Trailers(HttpResponse response) =>
        response.HasStarted ? response.HttpContext.Features.Get<IHttpResponseTrailersFeature>()?.Trailers : response.Headers;

    private static long? UnreadMessageBytes(HttpRequest request)
    {
        // gRPC has marked the bytes as examined, and a read would wait for more; a cancelled one returns the bytes that are there.
        request.BodyReader.CancelPendingRead();
        if (!request.BodyReader.TryRead(out var unread))
        {
            return null;
        }

        Span<byte> prefix = stackalloc byte[PrefixBytes];
        var isThere = unread.Buffer.Length >= PrefixBytes;
        if (isThere)
        {
            unread.Buffer.Slice(0, PrefixBytes).CopyTo(prefix);
        }

        request.BodyReader.AdvanceTo(unread.Buffer.Start, unread.Buffer.End);
        return isThere ? BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]) : null;
    }

    /// <summary>A call of one message was not executed; for a stream, that is certain only for the operations of this message.</summary>
    private static void Explain(IHeaderDictionary trailers, LimitExceeded exceeded, MethodType type)
    {
        var status = RpcStatus.ToStatus(Failure.Limit(exceeded) with
        {
            Execution = type is MethodType.Unary or MethodType.ServerStreaming ? Execution.NotExecuted : Execution.Unknown,
        });
        trailers[StatusTrailer] = status.Code.ToString(CultureInfo.InvariantCulture);
        trailers[MessageTrailer] = status.Message;
        trailers[DetailsTrailer] = Convert.ToBase64String(status.ToByteArray());
    }
}
