using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;
using KvRaft.Storage.Sessions;
using KvRaft.Storage.State;

namespace KvRaft.Storage.Shards;

/// <summary>
/// One replica of a shard as the node sees it: what Raft drives (<see cref="IReplicatedStateMachine"/>) and what requests read.
/// <para>
/// Reads run on any thread, at any time, also during <see cref="IReplicatedStateMachine.Apply"/> and
/// <see cref="IReplicatedStateMachine.InstallCheckpoint"/>; each sees the state after some prefix of the log, at least as far as
/// <see cref="IReplicatedStateMachine.Applied"/> was when the read began, and never one that <c>Applied</c> does not cover when it
/// returns. Whether that is recent enough is the read barrier's business.
/// </para>
/// <para>
/// All reads throw <see cref="StorageException"/> (<see cref="StorageCorruptionException"/>) when this replica's disk fails them,
/// and <see cref="ObjectDisposedException"/> after disposal.
/// </para>
/// </summary>
public interface IShardStore : IReplicatedStateMachine
{
    /// <summary>The shard's clock, Unix milliseconds: the highest <see cref="CommittedEntry.ProposedAtMs"/> applied, within the bounds of what an entry may add. Never goes back.</summary>
    long Clock { get; }

    /// <summary>The version given last; 0 = none yet. Never goes back.</summary>
    long Revision { get; }

    /// <summary>
    /// A lower bound of the earliest expiry among the keys still held, Unix milliseconds; <see cref="long.MaxValue"/> if none has one. How far the
    /// wall clock is past it is how far the purge is behind.
    /// </summary>
    long FirstExpiryMs { get; }

    /// <summary>Sizes and counts; cheap enough for every heartbeat.</summary>
    ShardStatistics Statistics { get; }

    /// <summary>What stands under a key; null if it is absent or the shard's clock has passed its expiry.</summary>
    StoredValue? Get(KeyspaceId keyspace, ReadOnlySpan<byte> key);

    /// <summary>
    /// The same, but a value of more than <paramref name="valueBytesMax"/> bytes is not read: then only its length, version and expiry are answered. With
    /// a negative bound no value is.
    /// </summary>
    StoredRead Read(KeyspaceId keyspace, ReadOnlySpan<byte> key, int valueBytesMax);

    /// <summary>One page of a range, all of it seen at one moment.</summary>
    ScanPage Scan(ScanRequest request);

    /// <summary>What became of the write with a stamp, as the shard would answer if it arrived now.</summary>
    RequestFate GetRequestResult(RequestStamp stamp);

    /// <summary>
    /// The digest (<see cref="IReplicatedStateMachine.Digest"/>), and the entry and the revision it was taken at, all of one moment, also while
    /// writes go on: replicas that answer the same position must answer the same digest.
    /// </summary>
    (LogPosition Position, long Revision, ulong Digest) DigestAtPosition();

    /// <summary>Counters of one keyspace in this shard.</summary>
    KeyspaceCounters GetKeyspaceCounters(KeyspaceId keyspace);
}

/// <summary>What a bounded read found.</summary>
/// <param name="Value">Null if the key is absent or its time is over; without its bytes unless <paramref name="IsWhole"/>.</param>
/// <param name="ValueBytes">Length of the value.</param>
/// <param name="IsWhole">False if there is a value that was longer than the read allowed.</param>
public readonly record struct StoredRead(StoredValue? Value, int ValueBytes, bool IsWhole);

/// <summary>
/// How full a replica is. Counts of keys include those whose expiry the clock has passed but no tick has purged yet.
/// </summary>
/// <param name="Keys">Keys held.</param>
/// <param name="DataBytes">Bytes of those keys and their values, before compression.</param>
/// <param name="Sessions">Writers whose session is remembered.</param>
/// <param name="RememberedOutcomes">Outcomes kept for them.</param>
/// <param name="SessionBytes">Bytes of those outcomes.</param>
/// <param name="MemTableBytes">Bytes in this replica's write buffers: what a flush would free and a crash would replay.</param>
/// <param name="DiskBytes">Bytes in this replica's table files.</param>
/// <param name="WriteStalled">The engine is slowing or stopping writes until compaction catches up.</param>
public readonly record struct ShardStatistics(
    long Keys,
    long DataBytes,
    long Sessions,
    long RememberedOutcomes,
    long SessionBytes,
    long MemTableBytes,
    long DiskBytes,
    bool WriteStalled);
