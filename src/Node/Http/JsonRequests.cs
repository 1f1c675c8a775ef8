using System.Collections.Concurrent;
using Google.Api;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using KvRaft.Node.Bodies;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using Microsoft.AspNetCore.Grpc.JsonTranscoding;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Http;

/// <summary>
/// Checks requests that are no gRPC calls before a message is parsed: their target and origin (<see cref="HostRules"/>), their length, that a
/// body is JSON, and that every name in it or in the query is one of the call's (<see cref="JsonStrictness"/>). gRPC checks its own messages. A
/// refusal is the same google.rpc.Status that a failed call has, and states that nothing was executed.
/// </summary>
internal static class JsonRequests
{
    /// <summary>A message as JSON: base64 makes four bytes of three, and the names of the fields come on top.</summary>
    private const int JsonBytesPerByte = 2;

    private const string MediaType = "application/json";

    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithTypeRegistry(RpcStatus.DetailTypes));

    private static readonly ConcurrentDictionary<HttpRule, IReadOnlyCollection<string>> PathFields = new();

    public static void CheckJsonRequests(this WebApplication app, NodeOptions options)
    {
        var (hosts, bytesMax) = (new HostRules(options), (long)options.Limits.MessageBytesMax * JsonBytesPerByte);
        app.Use(async (context, next) =>
        {
            // A content type alone proves nothing: a page of the same origin after DNS rebinding chooses it freely, and a JSON route would answer it.
            if ((IsGrpc(context.Request) && CallOf(context) is null) || await CheckAsync(context, hosts, bytesMax) is not { } failure)
            {
                await next(context);
                return;
            }

            context.Response.StatusCode = failure.Reason switch
            {
                V1.ErrorReasons.HostNotAllowed => StatusCodes.Status403Forbidden,
                V1.ErrorReasons.Overloaded => StatusCodes.Status429TooManyRequests,
                _ => StatusCodes.Status400BadRequest,
            };
            context.Response.ContentType = MediaType;
            await context.Response.WriteAsync(Formatter.Format(RpcStatus.ToStatus(failure)), context.RequestAborted);
        });
    }

    /// <summary>Why a request is refused; null if it is not.</summary>
    private static async ValueTask<Failure?> CheckAsync(HttpContext context, HostRules hosts, long bytesMax)
    {
        var request = context.Request;
        if (hosts.Check(request.Host, request.Headers.Origin is [{ } origin, ..] ? origin : null) is { } foreign)
        {
            return Failure.HostNotAllowed(foreign.Field, foreign.Why);
        }

        if (CallOf(context) is not { } call)
        {
            // The path belongs to no call; its own handler answers.
            return null;
        }

        var path = PathFields.GetOrAdd(call.HttpRule, FieldsOf);
        if (call.HttpRule.Body.Length == 0)
        {
            return ToFailure(HasBody(request)
                ? new NamedMistake("body", "this call takes none")
                : JsonStrictness.InQuery(request.Query, call.MethodDescriptor.InputType, path));
        }

        if (!IsJson(request))
        {
            return Failure.Invalid("Content-Type", $"{MediaType}, in UTF-8");
        }

        if (request.Query.Count > 0)
        {
            return Failure.Invalid(request.Query.Keys.First(), "this call takes its fields from the body");
        }

        var (body, tooLong) = await ReadAsync(context, bytesMax);
        return tooLong ?? ToFailure(JsonStrictness.InBody(body.Span, BodyOf(call), path));
    }

    private static Failure? ToFailure(NamedMistake? mistake) => mistake is { } found ? Failure.Invalid(found.Field, found.Why) : null;

    private static MessageDescriptor BodyOf(GrpcJsonTranscodingMetadata call) =>
        call.HttpRule.Body == "*" ? call.MethodDescriptor.InputType : call.MethodDescriptor.InputType.FindFieldByName(call.HttpRule.Body).MessageType;

    private static GrpcJsonTranscodingMetadata? CallOf(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<GrpcJsonTranscodingMetadata>();

    private static bool IsGrpc(HttpRequest request) =>
        request.ContentType is { } type && type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase);

    private static bool IsJson(HttpRequest request) =>
        System.Net.Http.Headers.MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
        && string.Equals(type.MediaType, MediaType, StringComparison.OrdinalIgnoreCase)
        && (type.CharSet is null || string.Equals(type.CharSet.Trim('"'), "utf-8", StringComparison.OrdinalIgnoreCase));

    private static bool HasBody(HttpRequest request) =>
        request.ContentLength > 0 || (request.ContentLength is null && request.Headers.TransferEncoding.Count > 0);

    /// <summary>
    /// The whole body, which is read again from memory afterwards. If a body declares a length above the limit, it is refused before a byte of it is read; any
    /// other one is refused where it exceeds the limit.
    /// </summary>
    private static async ValueTask<(ReadOnlyMemory<byte> Body, Failure? Failure)> ReadAsync(HttpContext context, long bytesMax)
    {
        var request = context.Request;
        if (request.ContentLength > bytesMax)
        {
            return (default, TooLong(bytesMax, request.ContentLength.Value));
        }

        // It grows with the bytes that arrive: a length that is only declared costs nothing.
        var body = new MemoryStream();
        var chunk = new byte[16 * 1024];
        while (await ReadAsync(context, chunk) is > 0 and var count)
        {
            if (body.Length + count > bytesMax)
            {
                return (default, TooLong(bytesMax, body.Length + count));
            }

            if (RequestBody.Of(context)?.TryHold((body.Length + count) * RequestBody.JsonBytesPerByte) is { } full)
            {
                return (default, full);
            }

            await body.WriteAsync(chunk.AsMemory(0, count), context.RequestAborted);
        }

        body.Position = 0;
        request.Body = body;
        return (body.GetBuffer().AsMemory(0, (int)body.Length), null);
    }

    private static async ValueTask<int> ReadAsync(HttpContext context, Memory<byte> chunk)
    {
        using var wait = RequestBody.Of(context)?.Await(context.Abort);
        return await context.Request.Body.ReadAsync(chunk, context.RequestAborted);
    }

    private static Failure TooLong(long limit, long actual) => Failure.Limit(new LimitExceeded("body", "limits.messageBytesMax", limit, actual));

    /// <summary>The fields that are part of a path, such as <c>name</c> of <c>/v1/keyspaces/{name}</c>.</summary>
    private static IReadOnlyCollection<string> FieldsOf(HttpRule rule)
    {
        var pattern = rule.PatternCase switch
        {
            HttpRule.PatternOneofCase.Get => rule.Get,
            HttpRule.PatternOneofCase.Put => rule.Put,
            HttpRule.PatternOneofCase.Post => rule.Post,
            HttpRule.PatternOneofCase.Delete => rule.Delete,
            HttpRule.PatternOneofCase.Patch => rule.Patch,
            HttpRule.PatternOneofCase.Custom => rule.Custom.Path,
            _ => "",
        };
        return [.. pattern.Split('{').Skip(1).Select(static part => part[..part.IndexOfAny(['=', '}'])])];
    }
}
