using Grpc.Core;
using Grpc.Core.Interceptors;

namespace KvRaft.Node.Security;

/// <summary>Sends this node's proof with every call to one other node (<see cref="NodeProof"/>).</summary>
/// <param name="proofOf">By method.</param>
internal sealed class ProvingInterceptor(Func<string, string> proofOf) : Interceptor
{
    /// <summary>The invoker of a channel, with the proof if this node has one.</summary>
    public static CallInvoker Over(ChannelBase channel, Func<string, string>? proofOf) =>
        proofOf is null ? channel.CreateCallInvoker() : channel.Intercept(new ProvingInterceptor(proofOf));

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation) =>
        continuation(request, Proving(context));

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation) =>
        continuation(request, Proving(context));

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context, AsyncClientStreamingCallContinuation<TRequest, TResponse> continuation) =>
        continuation(Proving(context));

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context, AsyncDuplexStreamingCallContinuation<TRequest, TResponse> continuation) =>
        continuation(Proving(context));

    private ClientInterceptorContext<TRequest, TResponse> Proving<TRequest, TResponse>(ClientInterceptorContext<TRequest, TResponse> context)
        where TRequest : class
        where TResponse : class
    {
        // A copy: callers keep one set of metadata for many calls.
        var metadata = new Metadata();
        foreach (var entry in context.Options.Headers ?? [])
        {
            metadata.Add(entry);
        }

        metadata.Add(NodeProof.Key, proofOf(context.Method.FullName));
        return new ClientInterceptorContext<TRequest, TResponse>(context.Method, context.Host, context.Options.WithHeaders(metadata));
    }
}
