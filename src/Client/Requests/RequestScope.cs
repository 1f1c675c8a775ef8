using KvRaft.Client.Routing;

namespace KvRaft.Client.Requests;

/// <summary>What a request is about, for routing and time.</summary>
/// <param name="Key">Decides the shard; null: <paramref name="Shard"/> does, or any node will do.</param>
/// <param name="AnyReplica">A follower may answer.</param>
/// <param name="Timeout">Null: the client's.</param>
internal readonly record struct RequestScope(
    string Keyspace, ReadOnlyMemory<byte>? Key, int? Shard = null, bool AnyReplica = false, TimeSpan? Timeout = null)
{
    public int? ShardIn(RouteTable table) => Key is { } key ? table.ShardOf(Keyspace, key.Span) : Shard;
}
