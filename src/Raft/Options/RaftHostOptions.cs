using System.Net;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Security;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Options;

/// <summary>The options of one node's Raft host. Immutable.</summary>
public sealed record RaftHostOptions
{
    /// <summary>The cluster of this node; checked on every connection and in every segment of the log.</summary>
    public required Guid ClusterId { get; init; }

    public required NodeId NodeId { get; init; }

    /// <summary>Contains <c>log/</c> and <c>groups/</c>. The state machines' checkpoints are renamed into place, so they must be on the same file system.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>The listening address for peers; port 0 takes a free one.</summary>
    public required IPEndPoint Listen { get; init; }

    /// <summary>Returns a node's present address, or null if there is none. Called for each connection; must be thread-safe.</summary>
    public required Func<NodeId, EndPoint?> Resolve { get; init; }

    /// <summary>Nodes to which this one introduces itself before it opens its replicas, in addition to the nodes of earlier connections.</summary>
    public IReadOnlyList<NodeId> Acquaintances { get; init; } = [];

    public RaftTimings Timings { get; init; } = new();

    /// <summary>The proof that this node sends on the Raft port, and the proof that it requires.</summary>
    public NodeAuthentication Authentication { get; init; } = NodeAuthentication.None;

    /// <summary>
    /// Maximum connections from other nodes. A replica has one with each other voter that leads or has led, so 4,096 are some thousand groups of three; each
    /// takes a descriptor and a buffer of 4 KiB.
    /// </summary>
    public int ConnectionsMax { get; init; } = 4096;

    public RaftGroupLimits Limits { get; init; } = new();

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Size of one log segment, in bytes. A segment is zeroed before use, so a node writes this much at its first start.</summary>
    public int LogSegmentBytes { get; init; } = 64 << 20;

    /// <summary>
    /// If the log exceeds this size, in bytes, the groups that pin its oldest segments are flushed. Eight default segments: minutes of
    /// writes at tens of MB/s, and a restart that replays for seconds.
    /// </summary>
    public long LogBytesMax { get; init; } = 512L << 20;

    /// <summary>
    /// The maximum size of the log, in bytes, while a replica in catch-up needs its entries: writers are slowed more, the closer the log comes to it
    /// (<c>WritePace</c>). Four times the ordinary size: half a minute of writes at 50 MB/s without a visible slowdown.
    /// </summary>
    public long LogBytesRetainedMax { get; init; } = 2L << 30;

    /// <summary>
    /// Entries that each group keeps below its durable state for lagging followers, as long as the log is within its size. For a replica that was away for seconds,
    /// but not for minutes, catch-up by entries is cheaper than a checkpoint.
    /// </summary>
    public int LogEntriesKept { get; init; } = 4096;

    /// <summary>
    /// Bytes of these entries that a group keeps once it is idle: small entries of minutes, but few large values. The log of a node without work would otherwise keep its full size on
    /// the disk, filled with values that were overwritten or deleted.
    /// </summary>
    public long LogBytesKeptAtRest { get; init; } = 16L << 20;

    /// <summary>
    /// The minimum interval between comparisons of a group's replicas, which also need applied entries since they were last equal. With an hour and ten groups of 10 GiB a node
    /// reads half of the time at its slow rate.
    /// </summary>
    public TimeSpan DigestPeriod { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// Returns whether replicas of this node accept more data. Called for each entry; false while the disk is so full that the flush of memory may need the rest. Then
    /// followers refuse entries, and leaders refuse proposals.
    /// </summary>
    public Func<bool> MayGrow { get; init; } = static () => true;

    /// <summary>
    /// A replica that applied nothing for this long is flushed and compacted. Longer than ordinary pauses; a leader of idle keys with a time-to-live ticks about as often.
    /// </summary>
    public TimeSpan RestAfter { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The number of entries beyond which a checkpoint is cheaper for a learner: at a few hundred bytes each they are some MiB, and each must be applied.</summary>
    internal int LearnerCheckpointEntries { get; init; } = 10_000;

    /// <summary>Called with every commit before it counts; test builds verify there that a majority holds the entry.</summary>
    internal Action<IGroup, long>? CommitWitness { get; init; }

    /// <summary>For tests that cut links.</summary>
    internal ILinkGate? Gate { get; init; }

    /// <summary>For tests that make disks fail.</summary>
    internal IFileSystem? FileSystem { get; init; }
}
