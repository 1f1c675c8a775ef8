namespace KvRaft.Storage.State;

/// <summary>What one keyspace holds in one shard: keys (also expired ones not purged yet) and the bytes of keys and values.</summary>
public readonly record struct KeyspaceCounters(long Keys, long Bytes);
