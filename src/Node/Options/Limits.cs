namespace KvRaft.Node.Options;

/// <summary>
/// Every limit that a caller can reach at this node, in one place. A refusal always names the limit, the requested value, and the
/// setting that changes it (<see cref="LimitExceeded"/>); <c>Hello</c> and <c>GetLimits</c> report the values in force.
/// All sizes are bytes of the decoded field, never of the wire form, so that a caller can count them.
/// </summary>
internal sealed record Limits
{
    /// <summary>
    /// The longest key. Keys are repeated in the log, the session table, bloom filters and index blocks; 4 KiB is double what
    /// etcd recommends for a key and keeps a RocksDB index block of 16 KiB useful.
    /// </summary>
    public int KeyBytesMax { get; init; } = 4 * 1024;

    /// <summary>
    /// The largest value. A value crosses the log, the network and the memtable whole; at 1 MiB one value costs a 1 Gbit/s link
    /// 8 ms, which is below the lower election timeout by a factor of ten. (etcd: 1.5 MiB for a request.)
    /// </summary>
    public int ValueBytesMax { get; init; } = 1024 * 1024;

    /// <summary>The largest gRPC message, in both directions: gRPC's own default for receiving, which the clients of every language have.</summary>
    public int MessageBytesMax { get; init; } = 4 * 1024 * 1024;

    /// <summary>
    /// Keys of one MultiGet or MultiSet. 256 keys of 4 KiB are 1 MiB, a quarter of a message. For more keys, several
    /// calls are better: their answers arrive earlier.
    /// </summary>
    public int MultiKeysMax { get; init; } = 256;

    /// <summary>Compares and operations of one Txn: they are applied together, and other operations of the shard wait meanwhile. (etcd: 128.)</summary>
    public int TxnOperationsMax { get; init; } = 128;

    /// <summary>Operations in one pipe message. Past a few hundred the cost of the message itself is below 1 % of the operations'.</summary>
    public int PipeOperationsPerMessageMax { get; init; } = 1024;

    /// <summary>
    /// Operations of one pipe in progress. At 1 ms a round, 4096 in progress allow 4 M operations a second, more than a
    /// stream can carry. The limit is for memory: 4096 × (4 KiB + 1 MiB) is the most a stream can hold.
    /// </summary>
    public int PipeInFlightMax { get; init; } = 4096;

    /// <summary>Bytes of one pipe's operations in progress: the effective limit of the memory that a stream can hold (16 full messages).</summary>
    public long PipeInFlightBytesMax { get; init; } = 64L * 1024 * 1024;

    /// <summary>
    /// Operations of all callers together that a node processes at once, each key of a batch counted: four full pipes. At 50,000 operations a
    /// second that is a third of a second of work, which a timeout of seconds allows; beyond it requests are refused rather than queued.
    /// </summary>
    public int RequestsInHandMax { get; init; } = 16_384;

    /// <summary>Bytes of those operations' requests: the bytes of four full pipes. Answers have a limit of their own.</summary>
    public long BytesInHandMax { get; init; } = 256L * 1024 * 1024;

    /// <summary>
    /// Bytes of requests that a node holds, of all callers together, from their arrival, incomplete ones included: as many as for answers, for the same reason.
    /// </summary>
    public long BodyBytesInHandMax { get; init; } = Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 8, 32L << 20, 1L << 30);

    /// <summary>
    /// Bytes of values that a node holds for answers, of all callers together, from before they are read until they are sent. An eighth of the memory that
    /// the garbage collector may use (a container's limit, <c>DOTNET_GCHeapHardLimit</c>, or the machine's), from 32 MiB to 1 GiB: requests, the log's
    /// tail and garbage that is not yet collected need the rest.
    /// </summary>
    public long AnswerBytesInHandMax { get; init; } = Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 8, 32L << 20, 1L << 30);

    /// <summary>The least value of <see cref="AnswerStallMax"/>: longer than a client that reads needs for a megabyte on any usable link.</summary>
    public static readonly TimeSpan AnswerStallMin = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How long an answer may wait to be read by its client before the node ends it. A client that reads takes a message of 4 MiB in that time over
    /// 1 Mbit/s.
    /// </summary>
    public TimeSpan AnswerStallMax { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Streams and calls one HTTP/2 connection may have open; Kestrel's default of 100 starves a busy unary client.</summary>
    public int StreamsPerConnectionMax { get; init; } = 1000;

    /// <summary>
    /// Calls and streams of all clients in progress at once, idle streams included: an eighth of the memory that the garbage collector may use, at 32 KiB each, from 1,024 to 32,768. Connections with few
    /// calls may exceed it by a quarter.
    /// </summary>
    public int CallsInProgressMax { get; init; } = (int)Math.Clamp(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 8 / (32 << 10), 1024, 32_768);

    /// <summary>
    /// Connections of clients at once, on the ports for gRPC and JSON together. 0: a quarter of the descriptors the process may have, at most 4,096. At the limit an idle
    /// connection makes room for a new one.
    /// </summary>
    public int ConnectionsMax { get; init; }

    /// <summary>
    /// Connections of clients of one address at once; an IPv6 network of 64 bits counts as one. 0: seven eighths of <see cref="ConnectionsMax"/>, so that an address whose connections are
    /// all busy leaves room for others. Set it to <see cref="ConnectionsMax"/> where all clients come through one proxy.
    /// </summary>
    public int ConnectionsPerAddressMax { get; init; }

    /// <summary>Connections of other nodes at once, on the Raft port; 0: as for clients. A node has one for each replica that other nodes lead or led.</summary>
    public int RaftConnectionsMax { get; init; }

    /// <summary>Bytes of one scan chunk: small enough to be produced within a few milliseconds, large enough to amortise a message.</summary>
    public int ScanChunkBytesMax { get; init; } = 1024 * 1024;

    /// <summary>
    /// Keys that one page of a scan may visit, expired ones included: about 10 ms of a reader's thread. Past it the page ends, perhaps empty,
    /// and the scan continues with the next.
    /// </summary>
    public int ScanKeysMax { get; init; } = 10_000;

    /// <summary>
    /// Free space on the data disk (free bytes less the bytes that the engines have yet to flush) below which writes that need space are refused while deletes are still accepted. Below
    /// a quarter of it the node's replicas accept no entries from leaders either. Compaction must be able to rewrite its largest level file (64 MiB) for several shards at
    /// once, and the log to preallocate segments, and a second of writes may pass between two checks: 1 GiB.
    /// </summary>
    public long DiskReserveBytes { get; init; } = 1024L * 1024 * 1024;

    /// <summary>Timeout of a request without one: the length of several elections.</summary>
    public TimeSpan TimeoutDefault { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest timeout of a request; a longer one is reduced to it, because a waiting request holds memory.</summary>
    public TimeSpan TimeoutMax { get; init; } = TimeSpan.FromSeconds(60);
}
