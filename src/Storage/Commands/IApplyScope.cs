using KvRaft.Storage.Schema;

namespace KvRaft.Storage.Commands;

/// <summary>
/// What a command may read and change while it is applied: the rows of its shard, seen after all commands before it, the clock of the shard, and its revision.
/// It has no wall clock, no randomness and no options of the node, so all replicas compute the same.
/// </summary>
internal interface IApplyScope
{
    /// <summary>
    /// A caller on this node waits for the answers to the entry being applied. If false, as on every follower and in every replay, no values
    /// are kept for answers. The stored state must not depend on it.
    /// </summary>
    bool AnswersWanted { get; }

    /// <summary>The revision of the shard.</summary>
    long Revision { get; }

    /// <summary>Raises the revision: the version of the command being applied.</summary>
    long NextVersion();

    /// <summary>The instant at which a value expires that the command writes, by the clock of the shard; 0 = never.</summary>
    long InstantOf(Expiry expiry);

    /// <summary>Version, expiry and length of the value; null once the key has expired by the clock. The bytes of the value are not read.</summary>
    RowHead? FindHead(KeyspaceId keyspace, ReadOnlySpan<byte> key);

    /// <summary>The value of a key for conditions and answers; null once the key has expired by the clock.</summary>
    StoredValue? Find(KeyspaceId keyspace, ReadOnlySpan<byte> key);

    /// <summary>Whether a condition holds for a key.</summary>
    /// <param name="head">Of <see cref="FindHead"/>.</param>
    bool Holds(Condition condition, KeyspaceId keyspace, ReadOnlySpan<byte> key, RowHead? head);

    /// <summary>The number of a key after an addition, or the reason of the refusal. Nothing is written.</summary>
    /// <param name="head">Of <see cref="FindHead"/>.</param>
    (RefusalReason Refusal, long Value) Add(KeyspaceId keyspace, ReadOnlySpan<byte> key, RowHead? head, Addition addition);

    void Put(KeyspaceId keyspace, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long version, long expireAtMs);

    /// <summary>Removes the row, visible or not.</summary>
    void Remove(KeyspaceId keyspace, ReadOnlySpan<byte> key);

    /// <summary>Whether a range holds more than <paramref name="rowsMax"/> keys, expired ones included.</summary>
    bool HoldsMoreThan(KeyspaceId keyspace, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, int rowsMax);

    /// <summary>Removes up to <paramref name="rowsMax"/> keys of a range. Returns how many of them were visible, and the first remaining key; null if none remains.</summary>
    (long Removed, ReadOnlyMemory<byte>? Resume) RemoveRange(KeyspaceId keyspace, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, int rowsMax);

    /// <summary>Removes a whole keyspace; returns the number of its keys.</summary>
    long Drop(KeyspaceId keyspace);

    /// <summary>Removes up to <paramref name="rowsMax"/> keys that have expired and sessions that are idle; returns the number of rows.</summary>
    int Purge(int rowsMax);

    /// <summary>From here on, changes can be undone until they are kept.</summary>
    void Mark();

    void Keep();

    /// <summary>Undoes all changes since <see cref="Mark"/>, that of the revision included.</summary>
    void RollBack();
}

/// <summary>The content of a data row without the bytes of its value.</summary>
internal readonly record struct RowHead(long Version, long ExpireAtMs, int ValueBytes)
{
    public bool IsVisibleAt(long clockMs) => ExpireAtMs == 0 || clockMs < ExpireAtMs;

    /// <summary>As a value whose bytes were not read.</summary>
    public StoredValue WithoutBytes => new(default, Version, ExpireAtMs);
}

/// <summary>An addition to a number; see <see cref="IncrementCommand"/>.</summary>
internal readonly record struct Addition(long Delta, long Initial, long Min, long Max);
