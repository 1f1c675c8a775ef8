using System.Globalization;
using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Node.Requests;

/// <summary>The answer to a call that is refused before any of its body is read: to gRPC the status alone, to JSON the same status as a body.</summary>
internal static class RefusedCall
{
    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithTypeRegistry(RpcStatus.DetailTypes));

    public static Task AnswerAsync(HttpContext context, Failure failure)
    {
        var status = RpcStatus.ToStatus(failure);
        if (context.Request.ContentType?.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase) != true)
        {
            context.Response.StatusCode = failure.Reason == ErrorReasons.Overloaded ? StatusCodes.Status429TooManyRequests : StatusCodes.Status403Forbidden;
            context.Response.ContentType = "application/json";
            return context.Response.WriteAsync(Formatter.Format(status));
        }

        // A gRPC answer that consists of its status alone (gRPC over HTTP/2, Trailers-Only).
        context.Response.ContentType = "application/grpc";
        context.Response.Headers["grpc-status"] = status.Code.ToString(CultureInfo.InvariantCulture);
        context.Response.Headers["grpc-message"] = Uri.EscapeDataString(status.Message);
        context.Response.Headers["grpc-status-details-bin"] = Convert.ToBase64String(status.ToByteArray());
        if (failure.RetryAfter > TimeSpan.Zero)
        {
            context.Response.Headers[RpcStatus.PushbackTrailer] = Math.Ceiling(failure.RetryAfter.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        }

        return Task.CompletedTask;
    }
}
