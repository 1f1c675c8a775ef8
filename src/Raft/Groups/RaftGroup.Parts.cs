using KvRaft.Raft.Background;
using KvRaft.Raft.Catchup;
using KvRaft.Raft.Digests;
using KvRaft.Raft.Leadership;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Transport;

namespace KvRaft.Raft.Groups;

// The interfaces through which the parts of a group access it.
public sealed partial class RaftGroup : IComparedGroup, ICatchingUpGroup, ILedGroup
{
    long IGroup.CommitIndex => CommitIndex;

    BackgroundTasks IGroup.Background => Background;

    GroupLog IGroup.Log => Log;

    bool IComparedGroup.IsDigestNoted => IsDigestNoted;

    bool ICatchingUpGroup.HasRoom => HasRoom;

    bool ICatchingUpGroup.IsVacant => Leaders.IsVacant;

    TermGate ICatchingUpGroup.Terms => Terms;

    LeaderWatch ILedGroup.Leaders => Leaders;

    LeaderSearch ILedGroup.Search => Search;

    long ILedGroup.LeadingTerm => LeadingTerm;

    bool ILedGroup.MayLead => MayLead;

    bool ILedGroup.IsNodeSkewed => IsNodeSkewed;

    Task<bool> IComparedGroup.TryWantDigestAsync(long index, CancellationToken cancellationToken) => TryWantDigestAsync(index, cancellationToken);

    ValueTask<DigestAnswer> IComparedGroup.DigestAsync(long index) => DigestAsync(index);

    void IComparedGroup.OnDigestDiffers(DigestDiffersRequest request) => OnDigestDiffers(request);

    Task<IReadOnlyList<GroupVoter>> ICatchingUpGroup.OtherVotersAsync(CancellationToken cancellationToken) => OtherVotersAsync(cancellationToken);

    ValueTask ICatchingUpGroup.AppendCommittedAsync(IReadOnlyList<LogEntry> entries) => AppendCommittedAsync(entries);

    Task ICatchingUpGroup.InstallAsync(CheckpointManifest manifest, string directory, CancellationToken cancellationToken) =>
        InstallAsync(manifest, directory, cancellationToken);

    Task ICatchingUpGroup.AdoptAsync(CheckpointManifest manifest, string directory, long highestTerm, CancellationToken cancellationToken) =>
        AdoptAsync(manifest, directory, highestTerm, cancellationToken);

    bool ICatchingUpGroup.TryEnter(ReplicaState from, ReplicaState to) => TryEnter(from, to);

    void ICatchingUpGroup.Explain(string waitsFor) => Explain(waitsFor);

    void ICatchingUpGroup.Fail(Exception error) => Fail(error);

    void ICatchingUpGroup.OnHistoryDiffers(string reason) => OnHistoryDiffers(reason);
}
