using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>A key of an eventual keyspace, with its place on the ring.</summary>
/// <param name="Token">By the routing rule of the keyspace; see <see cref="KeyHash"/>.</param>
public readonly record struct EventualKey(KeyspaceId Keyspace, Token Token, ReadOnlyMemory<byte> Key)
{
    public bool Equals(EventualKey other) =>
        Keyspace == other.Keyspace && Token == other.Token && Key.Span.SequenceEqual(other.Key.Span);

    // The token is already a good hash, and the same on every node.
    public override int GetHashCode() => unchecked((int)(Token.Value ^ (Token.Value >> 32)) ^ (int)Keyspace.Value);
}

/// <summary>A key, and when the first of its values expires, milliseconds since the Unix epoch.</summary>
internal readonly record struct DueKey(long AtMs, EventualKey Key);
