using Grpc.AspNetCore.Server;
using Grpc.Core;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.Node.Telemetry;
using KvRaft.V1;
using Microsoft.AspNetCore.Grpc.JsonTranscoding;

namespace KvRaft.Node.Security;

/// <summary>
/// Refuses calls that the caller may not make (<see cref="CallerRules"/>), before any of their body is read: calls between nodes, and the marks that
/// nodes set on forwarded calls, need a proof of the cluster's secret. If a node has no secret, or does not require one (<c>clusterSecretRequired</c>), it accepts
/// them all the same, counts them, and logs them. Thread-safe.
/// </summary>
internal sealed class CallerGuard(NodeOptions options, NodeProof proof, TimeProvider time, ILogger<CallerGuard> logger)
{
    private readonly LineThrottle _refusals = new(time);
    private readonly LineThrottle _unproven = new(time);
    private long _unprovenCount;

    /// <summary>Calls without a proof that only nodes make, since the start.</summary>
    public long UnprovenCount => Interlocked.Read(ref _unprovenCount);

    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (MethodOf(context.GetEndpoint()) is not { } method)
        {
            // No method of a service: gRPC's own answers to methods that are not mapped.
            return next(context);
        }

        if (CallerRules.Of(method) is not { } rule)
        {
            return RefuseAsync(context, method, new Failure(ErrorReasons.NodeProofRequired, Execution.NotExecuted, $"{method} may not be called"));
        }

        var standing = proof.Judge(method, Header(context, NodeProof.Key));
        if (standing == ProofStanding.Wrong)
        {
            return RefuseAsync(context, method, Failure.WrongProof(options.NodeId));
        }

        if (rule != CallerKind.Anyone || Header(context, CallerRules.ForwardedKey) is not null)
        {
            if (standing == ProofStanding.None && proof.Authentication.IsRequired)
            {
                return RefuseAsync(context, method, Failure.NodesOnly(method));
            }

            if (standing == ProofStanding.None)
            {
                Count(context, method);
            }
        }

        return next(context);
    }

    private static string? Header(HttpContext context, string name) => context.Request.Headers.TryGetValue(name, out var values) ? values.ToString() : null;

    private static string? MethodOf(Endpoint? endpoint) =>
        endpoint?.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.FullName
        ?? (endpoint?.Metadata.GetMetadata<GrpcJsonTranscodingMetadata>()?.MethodDescriptor is { } json ? $"/{json.Service.FullName}/{json.Name}" : null);

    private void Count(HttpContext context, string method)
    {
        Interlocked.Increment(ref _unprovenCount);

        // A node without a secret of its own logs that once, at its start.
        if (proof.Authentication.Secret is not null && _unproven.TryPass(out var suppressed))
        {
            logger.UnprovenCall(options.NodeId, method, context.Connection.RemoteIpAddress?.ToString() ?? "?", suppressed);
        }
    }

    private Task RefuseAsync(HttpContext context, string method, Failure failure)
    {
        if (_refusals.TryPass(out var suppressed))
        {
            logger.CallRefused(options.NodeId, method, context.Connection.RemoteIpAddress?.ToString() ?? "?", failure.Message, suppressed);
        }

        return RefusedCall.AnswerAsync(context, failure);
    }
}
