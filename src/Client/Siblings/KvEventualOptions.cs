namespace KvRaft.Client;

/// <summary>The options of one request that differ from those of the keyspace. All are optional.</summary>
public sealed record KvEventualOptions
{
    /// <summary>The number of replicas a read waits for, from 1 to the keyspace's N.</summary>
    public int? Read { get; init; }

    /// <summary>The number of replicas that must acknowledge a write, from 1 to the keyspace's N.</summary>
    public int? Write { get; init; }

    /// <summary>True: other nodes may substitute replica holders that do not answer.</summary>
    public bool? Sloppy { get; init; }

    /// <summary>For a put: the time to live of the value, at least 1 ms. Null: the default of the keyspace.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>The timeout of the request with all its retries. Null: <see cref="KvClientOptions.Timeout"/>.</summary>
    public TimeSpan? Timeout { get; init; }
}
