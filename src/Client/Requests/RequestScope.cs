using KvRaft.Client.Routing;

namespace KvRaft.Client.Requests;

/// <summary>What a request is about, for routing and time.</summary>
/// <param name="Key">Decides the shard; null: <paramref name="Shard"/> does, or any node will do.</param>
/// <param name="AnyReplica">A follower may answer.</param>
/// <param name="Timeout">Null: the client's.</param>
/// <param name="Avoid">A node that is being asked already; null: none.</param>
/// <param name="Asked">Is told which node is asked; null: nobody wants to know.</param>
internal readonly record struct RequestScope(
    string Keyspace, ReadOnlyMemory<byte>? Key, int? Shard = null, bool AnyReplica = false, TimeSpan? Timeout = null,
    string? Avoid = null, AskedNode? Asked = null)
{
    public int? ShardIn(RouteTable table) => Key is { } key ? table.ShardOf(Keyspace, key.Span) : Shard;
}

/// <summary>The node a request is with. Written by the request, read by whoever asks another node meanwhile.</summary>
internal sealed class AskedNode
{
    private volatile string? _endpoint;

    public string? Endpoint
    {
        get => _endpoint;
        set => _endpoint = value;
    }
}
