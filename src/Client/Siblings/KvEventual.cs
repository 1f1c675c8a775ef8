using KvRaft.Client.Requests;
using KvRaft.Client.Siblings;

namespace KvRaft.Client;

/// <summary>
/// The eventual keyspaces of a cluster: writable on every side of a partition that still reaches enough nodes; concurrent writes are never lost
/// silently. The conflict policy of a keyspace determines which of the types here fits; the node refuses the others. The methods send no request.
/// Thread-safe.
/// </summary>
public sealed class KvEventual
{
    private readonly RequestExecutor _executor;

    internal KvEventual(RequestExecutor executor) => _executor = executor;

    /// <summary>A keyspace of bytes with policy SIBLINGS or LAST_WRITER.</summary>
    public IEventualKeyspace<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Keyspace(string name) => Keyspace(name, KvSerializers.Bytes, KvSerializers.Bytes);

    /// <summary>A keyspace with policy SIBLINGS or LAST_WRITER, with serializers.</summary>
    public IEventualKeyspace<TKey, TValue> Keyspace<TKey, TValue>(string name, IKvSerializer<TKey> keys, IKvSerializer<TValue> values)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(values);
        return new EventualKeyspace<TKey, TValue>(new EventualCalls<TKey>(name, _executor, keys), values);
    }

    /// <summary>The counter of a key in a keyspace with policy COUNTER.</summary>
    public KvCounter Counter(string keyspace, string key) => new(new EventualCalls<string>(keyspace, _executor, KvSerializers.Utf8), key);

    /// <summary>The set of a key in a keyspace with policy SET.</summary>
    public KvSet<TElement> Set<TElement>(string keyspace, string key, IKvSerializer<TElement> elements)
    {
        ArgumentNullException.ThrowIfNull(elements);
        return new KvSet<TElement>(new EventualCalls<string>(keyspace, _executor, KvSerializers.Utf8), key, elements);
    }

    /// <summary>The register of a key in a keyspace with policy REGISTER.</summary>
    public KvRegister<TValue> Register<TValue>(string keyspace, string key, IKvSerializer<TValue> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new KvRegister<TValue>(new EventualCalls<string>(keyspace, _executor, KvSerializers.Utf8), key, values);
    }

    /// <summary>The map of a key in a keyspace with policy MAP.</summary>
    public KvMap Map(string keyspace, string key) => new(new EventualCalls<string>(keyspace, _executor, KvSerializers.Utf8), key);
}
