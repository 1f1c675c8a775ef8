using System.Collections.Concurrent;
using System.Net;
using Grpc.Core;
using KvRaft.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KvRaft.Client.Tests.Fakes;

/// <summary>
/// A gRPC server on a port of its own that answers from a <see cref="FakeStore"/> and misbehaves as scripted: each call takes the next step of the
/// script; after its end, or without a script, calls are executed and answered.
/// </summary>
internal sealed class FakeNode : IAsyncDisposable
{
    private readonly WebApplication _app;

    private FakeNode(WebApplication app, string name, FakeStore store)
    {
        _app = app;
        Name = name;
        Store = store;
    }

    public string Name { get; }

    public FakeStore Store { get; }

    public string Endpoint { get; private set; } = "";

    public ConcurrentQueue<Step> Script { get; } = new();

    /// <summary>Replaces the script if set.</summary>
    public Func<PipeCall, Step>? Rule { get; set; }

    /// <summary>Every call that arrived, in order.</summary>
    public ConcurrentQueue<PipeCall> Calls { get; } = new();

    /// <summary>The number of pipe messages that arrived.</summary>
    public int Messages;

    public int PipesOpened;

    /// <summary>Sent to watchers; null: the watch is not implemented.</summary>
    public RouteMap? Routes { get; set; }

    /// <summary>The number of chunks that a scan sends before its stream breaks; null: it does not break.</summary>
    public int? ScanChunksBeforeBreak { get; set; }

    public static async Task<FakeNode> StartAsync(FakeStore store, string name = "n1")
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        FakeNode? self = null;
        builder.Services.AddSingleton(_ => self!);
        var app = builder.Build();
        app.MapGrpcService<FakeKvService>();
        app.MapGrpcService<FakeRoutingService>();
        self = new FakeNode(app, name, store);
        await app.StartAsync();
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        self.Endpoint = new Uri(address).Authority;
        return self;
    }

    public Step Next(PipeCall call) => Rule is { } rule ? rule(call) : Script.TryDequeue(out var step) ? step : new Step.Answer();

    public async ValueTask DisposeAsync()
    {
        using var atOnce = new CancellationTokenSource(TimeSpan.Zero);
        try
        {
            await _app.StopAsync(atOnce.Token);
        }
        catch (OperationCanceledException)
        {
            // The streams of the client are still open; the client should find the node gone in this state.
        }

        await _app.DisposeAsync();
    }
}

internal sealed class FakeRoutingService(FakeNode node) : V1.Routing.RoutingBase
{
    public override Task<RouteMap> GetRoutes(GetRoutesRequest request, ServerCallContext context) =>
        Task.FromResult(node.Routes ?? throw new RpcException(new Status(StatusCode.Unimplemented, "no routes here")));

    public override async Task WatchRoutes(
        WatchRoutesRequest request, IServerStreamWriter<RouteUpdate> responseStream, ServerCallContext context)
    {
        if (node.Routes is not { } map)
        {
            throw new RpcException(new Status(StatusCode.Unimplemented, "no routes here"));
        }

        await responseStream.WriteAsync(new RouteUpdate { Map = map, Epoch = map.Epoch });
        await Task.Delay(Timeout.Infinite, context.CancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
