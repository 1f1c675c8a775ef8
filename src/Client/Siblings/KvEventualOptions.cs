namespace KvRaft.Client;

/// <summary>How one request to an eventual keyspace differs from what the keyspace says. All parts may be left out.</summary>
public sealed record KvEventualOptions
{
    /// <summary>Replicas a read waits for, from 1 to the keyspace's N.</summary>
    public int? Read { get; init; }

    /// <summary>Replicas that must have a write safely before it is acknowledged, from 1 to the keyspace's N.</summary>
    public int? Write { get; init; }

    /// <summary>May other nodes stand in for replicas that do not answer?</summary>
    public bool? Sloppy { get; init; }

    /// <summary>Of a put: how long the value lives, at least 1 ms. Null: as the keyspace says.</summary>
    public TimeSpan? TimeToLive { get; init; }

    /// <summary>For the request with all its retries. Null: <see cref="KvClientOptions.Timeout"/>.</summary>
    public TimeSpan? Timeout { get; init; }
}
