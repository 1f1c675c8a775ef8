using KvRaft.Client.Routing;

namespace KvRaft.Client.Requests;

/// <summary>The routing target and the timeout of a request.</summary>
/// <param name="Key">Determines the shard; null: <paramref name="Shard"/> does, or any node can answer.</param>
/// <param name="Shard">The shard, if there is no key.</param>
/// <param name="AnyReplica">A follower may answer.</param>
/// <param name="Timeout">Null: the timeout of the client.</param>
/// <param name="Avoid">A node to which the same read was already sent; null: none.</param>
/// <param name="Asked">Receives the node to which the request is sent; null: not needed.</param>
internal readonly record struct RequestScope(
    string Keyspace, ReadOnlyMemory<byte>? Key, int? Shard = null, bool AnyReplica = false, TimeSpan? Timeout = null,
    string? Avoid = null, AskedNode? Asked = null)
{
    public int? ShardIn(RouteTable table) => Key is { } key ? table.ShardOf(Keyspace, key.Span) : Shard;
}

/// <summary>The node that currently handles a request. Written by the request, read by its second attempt on another node.</summary>
internal sealed class AskedNode
{
    private volatile string? _endpoint;

    public string? Endpoint
    {
        get => _endpoint;
        set => _endpoint = value;
    }
}
