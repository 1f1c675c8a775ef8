using Grpc.Core;
using KvRaft.Node.Answers;
using KvRaft.Node.Cluster;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;
using KvRaft.V1;

namespace KvRaft.Node.Routing;

/// <summary>Sends clients the routes: nodes, shards and leaders.</summary>
internal sealed class RoutingService(
    NodeOptions options, ShardMapHolder map, KeyspaceLookup lookup, RouteMaps routes, AnswerSends sends, IHostApplicationLifetime lifetime, TimeProvider time)
    : V1.Routing.RoutingBase
{
    /// <summary>As documented in routing.proto: silence longer than this means a dead stream.</summary>
    private static readonly TimeSpan AliveInterval = TimeSpan.FromSeconds(5);

    public override Task<HelloResponse> Hello(HelloRequest request, ServerCallContext context) => Task.FromResult(new HelloResponse
    {
        ClusterId = options.ClusterId.ToString(),
        NodeId = options.NodeId.Value,
        ServerVersion = ServerVersion.Text,
        ProtocolVersion = ServerVersion.Protocol,
        Limits = WireLimits.Of(options.Limits),
        RingEpoch = map.Current.Epoch.Value,
        ServerTimeMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
        Features = { "pipe" },
    });

    public override Task<RouteMap> GetRoutes(GetRoutesRequest request, ServerCallContext context) => Task.FromResult(routes.Current());

    public override async Task WatchRoutes(
        WatchRoutesRequest request, IServerStreamWriter<RouteUpdate> responseStream, ServerCallContext context)
    {
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, lifetime.ApplicationStopping);
        var updates = new RouteUpdates(request.SinceEpoch);
        try
        {
            while (true)
            {
                // Taken before the state is read; see ChangeSignal.
                var news = map.Changes.Next;
                var epoch = map.Current.Epoch.Value;
                if (updates.Next(epoch, routes.Current, routes.Leaders()) is { } update)
                {
                    await sends.SendAsync(responseStream.WriteAsync(update, ending.Token));
                }

                if (await IsSilentAsync(news, ending.Token))
                {
                    await sends.SendAsync(responseStream.WriteAsync(new RouteUpdate { Epoch = map.Current.Epoch.Value }, ending.Token));
                }
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // The watcher disconnected, or the node stops and the watcher should use another node.
        }
    }

    public override async Task<LocateResponse> Locate(LocateRequest request, ServerCallContext context)
    {
        if (RequestCheck.Count(request.Keys.Count, "keys", options.Limits) is { } failure)
        {
            throw RpcStatus.ToException(failure);
        }

        var (view, keyspace, unknown) = await lookup.FindAsync(request.Keyspace, Deadline.Of(null, context.Deadline, options.Limits, time));
        if (unknown is not null)
        {
            throw RpcStatus.ToException(unknown);
        }

        var response = new LocateResponse { Epoch = view.Epoch.Value };
        foreach (var key in request.Keys)
        {
            var token = Topology.KeyHash.TokenOf(view.Map!.HashSeed, keyspace!.Id, keyspace.Routing, key.Span);
            response.Locations.Add(new LocateResponse.Types.Location
            {
                Key = key,
                Token = token.Value,
                Shard = routes.ToWire(view.Map[view.Map.ShardOf(token)]),
            });
        }

        return response;
    }

    /// <summary>True if nothing happened for so long that the watcher needs a sign of life.</summary>
    private async Task<bool> IsSilentAsync(Task news, CancellationToken cancellationToken)
    {
        try
        {
            await news.WaitAsync(AliveInterval, time, cancellationToken);
            return false;
        }
        catch (TimeoutException)
        {
            return true;
        }
    }
}
