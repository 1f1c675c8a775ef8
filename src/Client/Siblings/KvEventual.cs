using KvRaft.Client.Requests;
using KvRaft.Client.Siblings;

namespace KvRaft.Client;

/// <summary>
/// The eventual keyspaces of a cluster: writable on every side of a partition that still reaches enough nodes, with nothing concurrent ever lost
/// silently. Which of these fits a keyspace is decided by the conflict policy it was made with; the wrong one is refused by the node.
/// No request is made here. Safe for many threads.
/// </summary>
public sealed class KvEventual
{
    private readonly RequestExecutor _executor;

    internal KvEventual(RequestExecutor executor) => _executor = executor;

    /// <summary>A keyspace with policy SIBLINGS or LAST_WRITER, bytes to bytes.</summary>
    public IEventualKeyspace<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>> Keyspace(string name) => Keyspace(name, KvSerializers.Bytes, KvSerializers.Bytes);

    /// <summary>A keyspace with policy SIBLINGS or LAST_WRITER, seen through serializers.</summary>
    public IEventualKeyspace<TKey, TValue> Keyspace<TKey, TValue>(string name, IKvSerializer<TKey> keys, IKvSerializer<TValue> values)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(keys);
        ArgumentNullException.ThrowIfNull(values);
        return new EventualKeyspace<TKey, TValue>(new EventualCalls<TKey>(name, _executor, keys), values);
    }

    /// <summary>The counter under a key of a keyspace with policy COUNTER.</summary>
    public KvCounter Counter(string keyspace, string key) => new(new EventualCalls<string>(keyspace, _executor, KvSerializers.Utf8), key);

    /// <summary>The set under a key of a keyspace with policy SET.</summary>
    public KvSet<TElement> Set<TElement>(string keyspace, string key, IKvSerializer<TElement> elements)
    {
        ArgumentNullException.ThrowIfNull(elements);
        return new KvSet<TElement>(new EventualCalls<string>(keyspace, _executor, KvSerializers.Utf8), key, elements);
    }

    /// <summary>The register under a key of a keyspace with policy REGISTER.</summary>
    public KvRegister<TValue> Register<TValue>(string keyspace, string key, IKvSerializer<TValue> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new KvRegister<TValue>(new EventualCalls<string>(keyspace, _executor, KvSerializers.Utf8), key, values);
    }

    /// <summary>The map under a key of a keyspace with policy MAP.</summary>
    public KvMap Map(string keyspace, string key) => new(new EventualCalls<string>(keyspace, _executor, KvSerializers.Utf8), key);
}
