using System.Net;
using KvRaft.Node.Http;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Topology;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace KvRaft.Node.Tests.Http;

public sealed class ConnectionMemoryTests
{
    private static readonly NodeOptions Options = new()
    {
        ClusterId = Guid.NewGuid(),
        ClusterName = "test",
        NodeId = new NodeId("n1"),
        DataDirectory = ".",
        PublicListen = new(IPAddress.Loopback, 0),
        RaftListen = new(IPAddress.Loopback, 0),
        Nodes = [],
    };

    [Theory]
    [InlineData(HttpProtocols.Http2)]
    [InlineData(HttpProtocols.Http1)]
    public async Task A_writer_of_an_answer_that_was_reset_receives_buffers_that_are_not_empty(HttpProtocols protocol)
    {
        using var connections = new ClientConnections(
            Options, new ConnectionLimits(16, 16, 16, 1024), new StreamPace(TimeProvider.System), new NodeFailure(), TimeProvider.System, NullLogger<ClientConnections>.Instance);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = protocol));
        builder.Services.AddSingleton<IConnectionListenerFactory>(connections);
        await using var app = builder.Build();
        var lengths = new TaskCompletionSource<(int Before, int After)>(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Run(async context =>
        {
            await context.Response.StartAsync();
            var before = context.Response.BodyWriter.GetSpan(0).Length;
            context.Abort();
            lengths.SetResult((before, context.Response.BodyWriter.GetSpan(0).Length));
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()), DefaultRequestVersion = protocol == HttpProtocols.Http2 ? new(2, 0) : new(1, 1), DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact };
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => client.GetAsync(new Uri("/", UriKind.Relative), TestContext.Current.CancellationToken));

        var (beforeReset, afterReset) = await lengths.Task;
        Assert.True(beforeReset > 0);
        Assert.True(afterReset > 0, "a writer that asks for a next buffer until it has written all asks without end");
    }
}
