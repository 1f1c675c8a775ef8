namespace KvRaft.Storage.State;

/// <summary>The content of one keyspace in one shard: the number of keys (including expired ones not purged yet) and the bytes of keys and values.</summary>
public readonly record struct KeyspaceCounters(long Keys, long Bytes);
