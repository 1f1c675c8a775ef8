using System.IO.Pipelines;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;

namespace KvRaft.Node.Bodies;

/// <summary>Counts the bodies of all requests in the <see cref="BodyBudget"/>: those of gRPC as they are read, those of JSON by <see cref="Http.JsonRequests"/>.</summary>
internal static class BodyLimits
{
    public static void BoundBodies(this WebApplication app)
    {
        var budget = app.Services.GetRequiredService<BodyBudget>();
        app.Use(async (context, next) =>
        {
            using var body = budget.Open(context);
            RequestBody.Keep(context, body);
            if (context.GetEndpoint() is { } endpoint && endpoint.Metadata.GetMetadata<GrpcMethodMetadata>() is { } call && IsGrpc(context.Request)
                && endpoint.Metadata.GetMetadata<MessageLimit>() is { } limit)
            {
                var isStream = call.Method.Type is MethodType.ClientStreaming or MethodType.DuplexStreaming;
                context.Features.Set<IRequestBodyPipeFeature>(new Pipe(new BodyReader(context.Request.BodyReader, body, context, isStream, limit.Bytes)));
            }

            await next(context);
        });
    }

    private static bool IsGrpc(HttpRequest request) =>
        request.ContentType is { } type && type.StartsWith("application/grpc", StringComparison.OrdinalIgnoreCase);

    private sealed class Pipe(PipeReader reader) : IRequestBodyPipeFeature
    {
        public PipeReader Reader => reader;
    }
}
