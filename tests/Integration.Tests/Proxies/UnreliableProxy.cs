using System.Net;
using Grpc.Net.Client;
using KvRaft.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace KvRaft.Integration.Tests.Proxies;

/// <summary>
/// A proxy between clients and one node that gives their increments the faults of networks: it sends each twice, loses
/// every fifth answer, and sometimes ends a connection, on either side, with all calls that it carries.
/// </summary>
internal sealed class UnreliableProxy : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly string _node;
    private readonly Lock _lock = new();
    private GrpcChannel _channel;

    private UnreliableProxy(WebApplication app, string node, int seed, AnswerLedger ledger)
    {
        _app = app;
        _node = node;
        Mischief = new Mischief(seed);
        Ledger = ledger;
        _channel = Connect();
    }

    /// <summary>The address for clients, <c>host:port</c>.</summary>
    public string Endpoint { get; private set; } = "";

    public Mischief Mischief { get; }

    public AnswerLedger Ledger { get; }

    /// <summary>The node, over the present connection.</summary>
    public Kv.KvClient Node
    {
        get
        {
            lock (_lock)
            {
                return new Kv.KvClient(_channel);
            }
        }
    }

    public static async Task<UnreliableProxy> StartAsync(string node, int seed, AnswerLedger ledger)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
            kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        UnreliableProxy? self = null;
        builder.Services.AddSingleton(_ => self!);
        var app = builder.Build();
        app.MapGrpcService<UnreliableKvService>();
        self = new UnreliableProxy(app, node, seed, ledger);
        await app.StartAsync();
        var address = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single();
        self.Endpoint = new Uri(address).Authority;
        return self;
    }

    /// <summary>Ends the connection to the node with all calls that it carries, and opens another.</summary>
    public void Reconnect()
    {
        GrpcChannel old;
        lock (_lock)
        {
            old = _channel;
            _channel = Connect();
        }

        old.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        using var atOnce = new CancellationTokenSource(TimeSpan.Zero);
        try
        {
            await _app.StopAsync(atOnce.Token);
        }
        catch (OperationCanceledException)
        {
            // Clients still hold their pipes open.
        }

        await _app.DisposeAsync();
        _channel.Dispose();
    }

    private GrpcChannel Connect() => GrpcChannel.ForAddress($"http://{_node}");
}
