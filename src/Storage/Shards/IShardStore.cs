using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;
using KvRaft.Storage.Sessions;
using KvRaft.Storage.State;

namespace KvRaft.Storage.Shards;

/// <summary>
/// One replica of a shard as the node sees it: the state machine that Raft drives (<see cref="IReplicatedStateMachine"/>) and the reads of requests.
/// <para>
/// Reads run on any thread, at any time, also during <see cref="IReplicatedStateMachine.Apply"/> and
/// <see cref="IReplicatedStateMachine.InstallCheckpoint"/>. Each sees the state after some prefix of the log, at least up to the value of
/// <see cref="IReplicatedStateMachine.Applied"/> when the read began, and never one that <c>Applied</c> does not cover when it
/// returns. The read barrier decides whether that is recent enough.
/// </para>
/// <para>
/// All reads throw <see cref="StorageException"/> (<see cref="StorageCorruptionException"/>) if the disk of this replica fails,
/// and <see cref="ObjectDisposedException"/> after disposal.
/// </para>
/// </summary>
public interface IShardStore : IReplicatedStateMachine
{
    /// <summary>The shard's clock, Unix milliseconds: the highest <see cref="CommittedEntry.ProposedAtMs"/> applied, within the bounds of what an entry may add. Never goes back.</summary>
    long Clock { get; }

    /// <summary>The last assigned version; 0 = none yet. Never decreases.</summary>
    long Revision { get; }

    /// <summary>
    /// A lower bound of the earliest expiry among the stored keys, Unix milliseconds; <see cref="long.MaxValue"/> if none has one. The difference to the
    /// wall clock is the delay of the purge.
    /// </summary>
    long FirstExpiryMs { get; }

    /// <summary>Sizes and counts; cheap enough for every heartbeat.</summary>
    ShardStatistics Statistics { get; }

    /// <summary>The value of a key; null if it is absent or has expired by the clock of the shard.</summary>
    StoredValue? Get(KeyspaceId keyspace, ReadOnlySpan<byte> key);

    /// <summary>
    /// Like <see cref="Get"/>, but a value of more than <paramref name="valueBytesMax"/> bytes is not read: then only its length, version and expiry are
    /// returned. With
    /// a negative bound no value is read.
    /// </summary>
    StoredRead Read(KeyspaceId keyspace, ReadOnlySpan<byte> key, int valueBytesMax);

    /// <summary>One page of a range, all of it from one moment.</summary>
    ScanPage Scan(ScanRequest request);

    /// <summary>The fate of the write with a stamp, as the shard would answer if the write arrived now.</summary>
    RequestFate GetRequestResult(RequestStamp stamp);

    /// <summary>
    /// The digest (<see cref="IReplicatedStateMachine.Digest"/>), with its entry and revision, all of one moment, also during
    /// writes: replicas that return the same position must return the same digest.
    /// </summary>
    (LogPosition Position, long Revision, ulong Digest) DigestAtPosition();

    /// <summary>Counters of one keyspace in this shard.</summary>
    KeyspaceCounters GetKeyspaceCounters(KeyspaceId keyspace);
}

/// <summary>The result of a bounded read.</summary>
/// <param name="Value">Null if the key is absent or expired; without its bytes unless <paramref name="IsWhole"/>.</param>
/// <param name="ValueBytes">Length of the value.</param>
/// <param name="IsWhole">False if there is a value that is longer than the read allowed.</param>
public readonly record struct StoredRead(StoredValue? Value, int ValueBytes, bool IsWhole);

/// <summary>
/// The size of a replica. Counts of keys include expired keys that no tick has purged yet.
/// </summary>
/// <param name="Keys">Keys held.</param>
/// <param name="DataBytes">Bytes of those keys and their values, before compression.</param>
/// <param name="Sessions">Writers whose session is remembered.</param>
/// <param name="RememberedOutcomes">Outcomes remembered for them.</param>
/// <param name="SessionBytes">Bytes of those outcomes.</param>
/// <param name="MemTableBytes">Bytes in the write buffers of this replica: a flush would release them, and a crash would replay them.</param>
/// <param name="DiskBytes">Bytes in the table files of this replica.</param>
/// <param name="WriteStalled">The engine delays or stops writes until compaction catches up.</param>
public readonly record struct ShardStatistics(
    long Keys,
    long DataBytes,
    long Sessions,
    long RememberedOutcomes,
    long SessionBytes,
    long MemTableBytes,
    long DiskBytes,
    bool WriteStalled);
