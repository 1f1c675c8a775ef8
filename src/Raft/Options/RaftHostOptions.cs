using System.Net;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Security;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Options;

/// <summary>What one node's Raft room needs to know. Immutable.</summary>
public sealed record RaftHostOptions
{
    /// <summary>The cluster this node belongs to; checked on every connection and on every segment of the log.</summary>
    public required Guid ClusterId { get; init; }

    public required NodeId NodeId { get; init; }

    /// <summary>Holds <c>log/</c> and <c>groups/</c>. The state machines' checkpoints are renamed into place, so theirs must be the same file system.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>Where peers connect to; port 0 takes a free one.</summary>
    public required IPEndPoint Listen { get; init; }

    /// <summary>A node's present address, or null when it is not known. Called for each connection; must be thread-safe.</summary>
    public required Func<NodeId, EndPoint?> Resolve { get; init; }

    /// <summary>Nodes to which this one introduces itself before it opens anything, beside those that it was connected to before.</summary>
    public IReadOnlyList<NodeId> Acquaintances { get; init; } = [];

    public RaftTimings Timings { get; init; } = new();

    /// <summary>What this node proves to others on the Raft port, and asks of them.</summary>
    public NodeAuthentication Authentication { get; init; } = NodeAuthentication.None;

    /// <summary>
    /// Connections of other nodes to this one. A replica has one with each other voter that leads or has led, so 4,096 are some thousand groups of three; each
    /// holds a descriptor and a buffer of 4 KiB.
    /// </summary>
    public int ConnectionsMax { get; init; } = 4096;

    public RaftGroupLimits Limits { get; init; } = new();

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Size of one log segment, in bytes. A segment is zeroed before use, so it is what a node writes at its first start.</summary>
    public int LogSegmentBytes { get; init; } = 64 << 20;

    /// <summary>
    /// When the log is larger than this, in bytes, the groups that pin its oldest segments are flushed. Eight default segments: minutes of
    /// writes at tens of MB/s, and a restart that replays for seconds.
    /// </summary>
    public long LogBytesMax { get; init; } = 512L << 20;

    /// <summary>
    /// How large the log may become, in bytes, while a replica catches up that needs what it holds: writers are slowed the more the closer it comes
    /// (<c>WritePace</c>). Four times the ordinary size: half a minute of writes at 50 MB/s before anybody notices.
    /// </summary>
    public long LogBytesRetainedMax { get; init; } = 2L << 30;

    /// <summary>
    /// Entries each group keeps below its durable state for followers that lag, as long as the log is within its size. Coming back by
    /// entries is cheaper than by a checkpoint for a replica that was away for seconds, not for minutes.
    /// </summary>
    public int LogEntriesKept { get; init; } = 4096;

    /// <summary>
    /// Bytes of these entries that a group keeps once it is idle: small entries of minutes, but few large values. The log of a node without work would otherwise keep its full size on
    /// the disk, filled with values that were overwritten or deleted.
    /// </summary>
    public long LogBytesKeptAtRest { get; init; } = 16L << 20;

    /// <summary>
    /// The replicas of a group are compared no more often than this, and only if it applied anything since they were equal: with an hour and ten groups of 10 GiB a node
    /// reads half of the time at its slow pace.
    /// </summary>
    public TimeSpan DigestPeriod { get; init; } = TimeSpan.FromHours(1);

    /// <summary>
    /// May replicas of this node take more data? Asked for each entry; false while the disk is so full that flushing what is in memory already may need the rest. Then
    /// followers refuse entries, and leaders proposals.
    /// </summary>
    public Func<bool> MayGrow { get; init; } = static () => true;

    /// <summary>
    /// A replica that applied nothing for so long is flushed and compacted. Longer than the pauses of ordinary work; a leader of idle keys with a lifetime ticks about as often.
    /// </summary>
    public TimeSpan RestAfter { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>Entries beyond which a checkpoint is cheaper for a learner: at a few hundred bytes each they are some MiB, and each must be applied.</summary>
    internal int LearnerCheckpointEntries { get; init; } = 10_000;

    /// <summary>Told of every commit before it counts; test builds prove there that a majority holds the entry.</summary>
    internal Action<IGroup, long>? CommitWitness { get; init; }

    /// <summary>Where tests cut links.</summary>
    internal ILinkGate? Gate { get; init; }

    /// <summary>Where tests fail disks.</summary>
    internal IFileSystem? FileSystem { get; init; }
}
