namespace KvRaft.Client;

/// <summary>A client of one cluster. One per process is enough; all members are safe for many threads.</summary>
public interface IKvClient : IAsyncDisposable
{
    /// <summary>What the client was made with.</summary>
    KvClientOptions Options { get; }

    /// <summary>Keyspaces, routes and nodes.</summary>
    KvAdministration Administration { get; }

    /// <summary>
    /// What this client has written and read of strong keyspaces; <see cref="KvConsistency.AtLeast(KvSession)"/> with it sees all of that again. A session that
    /// came from another process is merged into it.
    /// </summary>
    KvSession Session { get; }

    /// <summary>Eventual keyspaces; their keys can hold several values, so they have types of their own.</summary>
    KvEventual Eventual { get; }

    /// <summary>A keyspace as it is: bytes to bytes, without copying. No request is made.</summary>
    /// <param name="name">Null: <see cref="KvClientOptions.Keyspace"/>.</param>
    IKeyspace<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Keyspace(string? name = null);

    /// <summary>A keyspace seen through serializers. No request is made.</summary>
    IKeyspace<TKey, TValue> Keyspace<TKey, TValue>(string? name, IKvSerializer<TKey> keys, IKvSerializer<TValue> values);
}
