using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Transport;

namespace KvRaft.Raft.Catchup;

/// <summary>A replica that copies state and entries from others.</summary>
internal interface ICatchingUpGroup : IGroup
{
    /// <summary>The disk of this node accepts more data.</summary>
    bool HasRoom { get; }

    /// <summary>There is no leader in this replica's view.</summary>
    bool IsVacant { get; }

    TermGate Terms { get; }

    Task<IReadOnlyList<GroupVoter>> OtherVotersAsync(CancellationToken cancellationToken);

    ValueTask AppendCommittedAsync(IReadOnlyList<LogEntry> entries);

    /// <summary>Replaces the state by a checkpoint that is ahead of it.</summary>
    Task InstallAsync(CheckpointManifest manifest, string directory, CancellationToken cancellationToken);

    /// <summary>Replaces the state and the log of a replica that lost its votes or acknowledged entries.</summary>
    Task AdoptAsync(CheckpointManifest manifest, string directory, long highestTerm, CancellationToken cancellationToken);

    /// <summary>False if the replica was in another state than <paramref name="from"/>.</summary>
    bool TryEnter(ReplicaState from, ReplicaState to);

    /// <summary>The condition that the replica waits for, for its status.</summary>
    void Explain(string waitsFor);

    void Fail(Exception error);

    void OnHistoryDiffers(string reason);
}
