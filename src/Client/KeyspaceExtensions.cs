namespace KvRaft.Client;

/// <summary>Short forms of frequent operations.</summary>
public static class KeyspaceExtensions
{
    /// <summary>Puts only if the key is absent.</summary>
    public static ValueTask<KvWriteResult<TValue>> PutIfAbsentAsync<TKey, TValue>(
        this IKeyspace<TKey, TValue> keyspace, TKey key, TValue value, KvWriteOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        return keyspace.PutIfExpectedAsync(key, value, KvCondition.Absent, options, cancellationToken);
    }

    /// <summary>Puts only if the key still has <paramref name="version"/>; 0: only if the key is absent.</summary>
    public static ValueTask<KvWriteResult<TValue>> PutIfVersionAsync<TKey, TValue>(
        this IKeyspace<TKey, TValue> keyspace,
        TKey key,
        TValue value,
        long version,
        KvWriteOptions? options = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        return keyspace.PutIfExpectedAsync(key, value, KvCondition.VersionIs(version), options, cancellationToken);
    }

    /// <summary>Puts with a time to live.</summary>
    public static ValueTask<KvWriteResult<TValue>> PutAsync<TKey, TValue>(
        this IKeyspace<TKey, TValue> keyspace, TKey key, TValue value, TimeSpan timeToLive, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        return keyspace.PutAsync(key, value, new KvWriteOptions { Expiry = KvExpiry.After(timeToLive) }, cancellationToken);
    }

    /// <summary>Removes the expiry of a value.</summary>
    public static ValueTask<KvTouchResult> PersistAsync<TKey, TValue>(
        this IKeyspace<TKey, TValue> keyspace, TKey key, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        return keyspace.TouchAsync(key, KvExpiry.Never, cancellationToken: cancellationToken);
    }

    /// <summary>The remaining time to live of a value by the clock of the shard; the value itself is not sent.</summary>
    public static async ValueTask<KvTimeToLive> GetTimeToLiveAsync<TKey, TValue>(
        this IKeyspace<TKey, TValue> keyspace, TKey key, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        var read = await keyspace.GetAsync(key, HeadOnly, cancellationToken).ConfigureAwait(false);
        return new KvTimeToLive(read.Found, read.Found ? read.Entry.ExpiresAt - read.ServerTime : null);
    }

    private static readonly KvReadOptions HeadOnly = new() { HeadOnly = true };

    /// <summary>A keyspace of text keys and text values.</summary>
    public static IKeyspace<string, string> TextKeyspace(this IKvClient client, string? name = null)
    {
        ArgumentNullException.ThrowIfNull(client);
        return client.Keyspace(name, KvSerializers.Utf8, KvSerializers.Utf8);
    }
}
