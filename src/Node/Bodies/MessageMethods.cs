using System.Reflection;
using System.Text;
using Google.Protobuf;
using Grpc.AspNetCore.Server;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;
using KvRaft.Node.Requests;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace KvRaft.Node.Bodies;

/// <summary>
/// Maps the calls of a service as the library does, with one difference: if the bytes of a request are no message of the call, the caller receives a refusal with a reason. gRPC reads the
/// message of a unary call before any interceptor runs, and reports each exception there as UNKNOWN, "Exception was thrown by handler", which looks like a fault of the node and leaves open
/// whether something was executed. The parser is the only place that can tell the two apart.
/// </summary>
/// <param name="all">The limits of all services.</param>
/// <param name="own">The limits of this service, if it has any.</param>
internal sealed class MessageMethods<TService>(IOptions<GrpcServiceOptions> all, IOptions<GrpcServiceOptions<TService>> own) : IServiceMethodProvider<TService>
    where TService : class
{
    private const string LibraryProvider = "BinderServiceMethodProvider`1";

    public void OnServiceMethodDiscovery(ServiceMethodProviderContext<TService> context)
    {
        var bind = BindMethodOf(typeof(TService));
        var limit = new MessageLimit(own.Value.MaxReceiveMessageSize ?? all.Value.MaxReceiveMessageSize ?? int.MaxValue);
        bind.Invoke(null, BindingFlags.DoNotWrapExceptions, null, [new Binder(context, bind.GetParameters()[1].ParameterType, limit), null], null);
    }

    /// <summary>The library's own provider is removed, or each call would be mapped twice.</summary>
    public static void Replace(IServiceCollection services)
    {
        var library = services.Single(static each => each.ServiceType == typeof(IServiceMethodProvider<>) && each.ImplementationType?.Name == LibraryProvider);
        services.Remove(library);
        services.AddSingleton(typeof(IServiceMethodProvider<>), typeof(MessageMethods<>));
    }

    private static MethodInfo BindMethodOf(Type service)
    {
        var generated = service.GetCustomAttribute<BindServiceMethodAttribute>(inherit: true)
            ?? throw new InvalidOperationException($"{service} does not derive from a generated service.");
        return generated.BindType.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.NonPublic)
            .Single(method => method.Name == generated.BindMethodName && method.GetParameters() is [{ } binder, _] && binder.ParameterType == typeof(ServiceBinderBase));
    }

    private sealed class Binder(ServiceMethodProviderContext<TService> context, Type generated, MessageLimit limit) : ServiceBinderBase
    {
        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
            context.AddUnaryMethod(Checked(method), Metadata, Handler<UnaryServerMethod<TService, TRequest, TResponse>>(method));

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddServerStreamingMethod(Checked(method), Metadata, Handler<ServerStreamingServerMethod<TService, TRequest, TResponse>>(method));

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddClientStreamingMethod(Checked(method), Metadata, Handler<ClientStreamingServerMethod<TService, TRequest, TResponse>>(method));

        public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
            context.AddDuplexStreamingMethod(Checked(method), Metadata, Handler<DuplexStreamingServerMethod<TService, TRequest, TResponse>>(method));

        private IList<object> Metadata => [.. typeof(TService).GetCustomAttributes(inherit: true), new HttpMethodMetadata(["POST"], acceptCorsPreflight: true), limit];

        private THandler Handler<THandler>(IMethod method)
            where THandler : Delegate
        {
            Type[] parameters = [.. typeof(THandler).GetMethod("Invoke")!.GetParameters().Skip(1).Select(static each => each.ParameterType)];
            var found = typeof(TService).GetMethod(method.Name, BindingFlags.Public | BindingFlags.Instance, parameters);
            return found is not null && found.GetBaseDefinition().DeclaringType == generated
                ? found.CreateDelegate<THandler>()
                : throw new InvalidOperationException($"{typeof(TService)} does not override {method.FullName}.");
        }

        private static Method<TRequest, TResponse> Checked<TRequest, TResponse>(Method<TRequest, TResponse> method)
            where TRequest : class
            where TResponse : class
        {
            var (read, name) = (method.RequestMarshaller.ContextualDeserializer, typeof(TRequest).Name);
            var marshaller = new Marshaller<TRequest>(method.RequestMarshaller.ContextualSerializer, context => Read(read, context, name));
            return new Method<TRequest, TResponse>(method.Type, method.ServiceName, method.Name, marshaller, method.ResponseMarshaller);
        }

        private static TRequest Read<TRequest>(Func<DeserializationContext, TRequest> read, DeserializationContext context, string name)
        {
            try
            {
                return read(context);
            }
            catch (InvalidProtocolBufferException)
            {
                throw RpcStatus.ToException(Failure.Invalid("message", $"the bytes are no {name}: the protobuf encoding is malformed"));
            }
            catch (DecoderFallbackException)
            {
                throw RpcStatus.ToException(Failure.Invalid("message", $"the bytes are no {name}: a string is not valid UTF-8"));
            }
        }
    }
}

/// <summary>Bytes that a message to a call may have, among the metadata of its endpoint.</summary>
internal sealed record MessageLimit(int Bytes);

internal static class MessageMethods
{
    /// <summary>Call it after everything that adds services of gRPC, because the library adds its own provider again if it is not there.</summary>
    public static IServiceCollection CheckMessages(this IServiceCollection services)
    {
        MessageMethods<object>.Replace(services);
        return services;
    }
}
