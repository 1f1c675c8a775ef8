using Google.Protobuf.Reflection;
using Grpc.AspNetCore.Server;
using KvRaft.Node.Security;
using KvRaft.Node.Tests.Running;
using KvRaft.V1;
using Microsoft.AspNetCore.Grpc.JsonTranscoding;
using Microsoft.AspNetCore.Routing;

namespace KvRaft.Node.Tests.Security;

/// <summary>Every call has a rule for its callers.</summary>
public sealed class CallerRulesTests(SingleNode node) : IClassFixture<SingleNode>
{
    private static readonly FileDescriptor[] Protos =
    [
        KvReflection.Descriptor, EventualReflection.Descriptor, RoutingReflection.Descriptor, KeyspacesReflection.Descriptor, AdminReflection.Descriptor,
        MovesReflection.Descriptor, NodesReflection.Descriptor, SchedulersReflection.Descriptor, RingReflection.Descriptor, EventualRepairReflection.Descriptor,
        EventualReplicaReflection.Descriptor, EventualTreesReflection.Descriptor,
    ];

    [Fact]
    public void Every_method_of_the_protos_is_listed_and_nothing_else_is()
    {
        // Every file that has a service must be among those above: the assembly contains all of them.
        var files = typeof(KvReflection).Assembly.GetTypes().Where(static type => type.Name.EndsWith("Reflection", StringComparison.Ordinal))
            .Select(static type => type.GetProperty("Descriptor")?.GetValue(null)).OfType<FileDescriptor>();
        Assert.Equal(
            files.Where(static file => file.Services.Count > 0).Select(static file => file.Name).Order(), Protos.Select(static file => file.Name).Order());
        var declared = Protos.SelectMany(static file => file.Services).SelectMany(static service => service.Methods)
            .Select(static method => $"/{method.Service.FullName}/{method.Name}");
        Assert.Equal(declared.Order(StringComparer.Ordinal), CallerRules.Methods.Where(static method => method.StartsWith("/kvraft.", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_method_that_a_node_maps_is_listed()
    {
        var endpoints = node.Cluster.Nodes[0]!.Service<EndpointDataSource>().Endpoints;
        var mapped = endpoints
            .Select(static endpoint => endpoint.Metadata.GetMetadata<GrpcMethodMetadata>()?.Method.FullName
                ?? (endpoint.Metadata.GetMetadata<GrpcJsonTranscodingMetadata>()?.MethodDescriptor is { } json ? $"/{json.Service.FullName}/{json.Name}" : null))
            .ToArray();
        Assert.Equal([], mapped.OfType<string>().Where(static method => CallerRules.Of(method) is null));
        Assert.Equal([], CallerRules.Methods.Where(static method => method.StartsWith("/kvraft.", StringComparison.Ordinal)).Except(mapped.OfType<string>()));

        // A path that is no method is gRPC's own answer to calls that are not mapped.
        Assert.All(
            endpoints.Where(static endpoint => endpoint.Metadata.GetMetadata<GrpcMethodMetadata>() is null && endpoint.Metadata.GetMetadata<GrpcJsonTranscodingMetadata>() is null),
            static endpoint => Assert.StartsWith("gRPC - Unimplemented", endpoint.DisplayName, StringComparison.Ordinal));
    }
}
