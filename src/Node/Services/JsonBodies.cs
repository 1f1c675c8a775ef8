using Google.Protobuf;
using KvRaft.Node.Options;
using KvRaft.Node.Routing;
using Microsoft.AspNetCore.Http.Features;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Services;

/// <summary>
/// Bounds what is read of a request that is no gRPC message: gRPC bounds its own messages, JSON is bounded by nobody else. A body that says
/// beforehand that it is too long is refused in the words of any other limit; one that does not say so is cut.
/// </summary>
internal static class JsonBodies
{
    /// <summary>A message as JSON: base64 makes four bytes of three, and the names of the fields come on top.</summary>
    private const int JsonBytesPerByte = 2;

    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithTypeRegistry(RpcStatus.DetailTypes));

    public static void BoundJsonBodies(this WebApplication app, Limits limits)
    {
        var bytesMax = (long)limits.MessageBytesMax * JsonBytesPerByte;
        app.Use((context, next) =>
        {
            if (IsGrpc(context.Request))
            {
                return next(context);
            }

            if (context.Request.ContentLength > bytesMax)
            {
                return RefuseAsync(context, new LimitExceeded("body", "limits.messageBytesMax", bytesMax, context.Request.ContentLength.Value));
            }

            if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
            {
                size.MaxRequestBodySize = bytesMax;
            }

            return next(context);
        });
    }

    private static bool IsGrpc(HttpRequest request) =>
        request.ContentType is { } type && type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase);

    private static Task RefuseAsync(HttpContext context, LimitExceeded exceeded)
    {
        context.Response.StatusCode = StatusCodes.Status400BadRequest;
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(Formatter.Format(RpcStatus.ToStatus(Failure.Limit(exceeded))));
    }
}
