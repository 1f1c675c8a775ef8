namespace KvRaft.Client;

/// <summary>A client of one cluster. One per process is enough; all members are thread-safe.</summary>
public interface IKvClient : IAsyncDisposable
{
    /// <summary>The options of the client.</summary>
    KvClientOptions Options { get; }

    /// <summary>Keyspaces, routes and nodes.</summary>
    KvAdministration Administration { get; }

    /// <summary>
    /// The versions that this client has written to and read from strong keyspaces. A read with <see cref="KvConsistency.AtLeast(KvSession)"/> and
    /// this session sees at least these. A session from another process can be merged into it.
    /// </summary>
    KvSession Session { get; }

    /// <summary>Eventual keyspaces. They have types of their own, because a key can hold several values.</summary>
    KvEventual Eventual { get; }

    /// <summary>A keyspace of bytes, without copying. The method sends no request.</summary>
    /// <param name="name">Null: <see cref="KvClientOptions.Keyspace"/>.</param>
    IKeyspace<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Keyspace(string? name = null);

    /// <summary>A keyspace with serializers for keys and values. The method sends no request.</summary>
    IKeyspace<TKey, TValue> Keyspace<TKey, TValue>(string? name, IKvSerializer<TKey> keys, IKvSerializer<TValue> values);
}
