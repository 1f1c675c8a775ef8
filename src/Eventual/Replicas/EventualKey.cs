using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>A key of an eventual keyspace, with its place on the ring.</summary>
/// <param name="Token">By the routing rule of the keyspace; see <see cref="KeyHash"/>.</param>
public readonly record struct EventualKey(KeyspaceId Keyspace, Token Token, ReadOnlyMemory<byte> Key)
{
    public bool Equals(EventualKey other) =>
        Keyspace == other.Keyspace && Token == other.Token && Key.Span.SequenceEqual(other.Key.Span);

    // Not the token: clients know its seed, and all keys of one tag have the same token.
    public override int GetHashCode() => unchecked(FloodSafeHash.Of(Key.Span) ^ (int)Keyspace.Value);
}

/// <summary>A key, and when the first of its values expires, milliseconds since the Unix epoch.</summary>
internal readonly record struct DueKey(long AtMs, EventualKey Key);
