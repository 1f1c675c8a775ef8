using KvRaft.Raft.Background;
using KvRaft.Raft.Catchup;
using KvRaft.Raft.Digests;
using KvRaft.Raft.Leadership;
using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Transport;
using KvRaft.Topology;

namespace KvRaft.Raft.Groups;

// The interfaces through which the parts of a group access it.
public sealed partial class RaftGroup : IAnsweringGroup, ICatchingUpGroup, ILedGroup, IRetainedGroup
{
    long IGroup.CommitIndex => CommitIndex;

    BackgroundTasks IGroup.Background => Background;

    GroupLog IGroup.Log => Log;

    bool IComparedGroup.IsDigestNoted => _replicaDigests.NoteText is not null;

    bool ICatchingUpGroup.HasRoom => HasRoom;

    bool ICatchingUpGroup.IsVacant => Leaders.IsVacant;

    TermGate ICatchingUpGroup.Terms => Terms;

    LeaderWatch ILedGroup.Leaders => Leaders;

    LeaderSearch ILedGroup.Search => Search;

    long ILedGroup.LeadingTerm => LeadingTerm;

    bool ILedGroup.MayLead => MayLead;

    bool ILedGroup.IsNodeSkewed => IsNodeSkewed;

    bool IRetainedGroup.HasRoom => HasRoom;

    bool IRetainedGroup.IsIntact => _health.Fault is null;

    long IRetainedGroup.NeededFrom => Math.Min(Checkpoints.NeededFrom ?? long.MaxValue, Leases.NeededFrom ?? long.MaxValue);

    CheckpointCache IAnsweringGroup.Checkpoints => Checkpoints;

    LeadershipTransfer IAnsweringGroup.Transfer => Transfer;

    LeaderWatch IAnsweringGroup.Leaders => Leaders;

    PeerStatus IAnsweringGroup.PeerStatus() => PeerStatus();

    IReadOnlyList<LogEntry> IAnsweringGroup.ReadCommitted(long from, long upTo, long previousTerm) => ReadCommitted(from, upTo, previousTerm);

    Task<LeaderProof> IAnsweringGroup.ProveLeadershipAsync(CancellationToken cancellationToken) => ProveLeadershipAsync(cancellationToken);

    Task<MembersProof> IAnsweringGroup.ProveMembersAsync(CancellationToken cancellationToken) => ProveMembersAsync(cancellationToken);

    bool IAnsweringGroup.IsStillIn(TermQuestion question) => IsStillIn(question);

    void IAnsweringGroup.OnLeased(NodeId node, long index, bool isDone) => OnLeased(node, index, isDone);

    void IAnsweringGroup.OnBehind() => OnBehind();

    void IAnsweringGroup.OnGreeted() => _pulse.Repeat();

    bool IAnsweringGroup.OnNudged(GroupVoter voter, long commitIndex) => _lagging.OnNudged(voter, commitIndex);

    Task<bool> IComparedGroup.TryWantDigestAsync(long index, CancellationToken cancellationToken) => _replicaDigests.TryWantAsync(index, cancellationToken);

    ValueTask<DigestAnswer> IComparedGroup.DigestAsync(long index) => _replicaDigests.AnswerAsync(index);

    void IComparedGroup.OnDigestDiffers(DigestDiffersRequest request) => _replicaDigests.OnDiffers(request);

    Task<IReadOnlyList<GroupVoter>> ICatchingUpGroup.OtherVotersAsync(CancellationToken cancellationToken) => _voters.OthersOnDiskAsync(cancellationToken);

    ValueTask ICatchingUpGroup.AppendCommittedAsync(IReadOnlyList<LogEntry> entries) => _audit.AppendCommittedAsync(entries);

    Task ICatchingUpGroup.InstallAsync(CheckpointManifest manifest, string directory, CancellationToken cancellationToken) =>
        _installer.InstallAsync(manifest, directory, cancellationToken);

    Task ICatchingUpGroup.AdoptAsync(CheckpointManifest manifest, string directory, long highestTerm, CancellationToken cancellationToken) =>
        _installer.AdoptAsync(manifest, directory, highestTerm, cancellationToken);

    bool ICatchingUpGroup.TryEnter(ReplicaState from, ReplicaState to) => _health.TryEnter(from, to);

    void ICatchingUpGroup.Explain(string waitsFor) => _health.Explain(waitsFor);

    void ICatchingUpGroup.Fail(Exception error) => Fail(error);

    void ICatchingUpGroup.OnHistoryDiffers(string reason) => OnHistoryDiffers(reason);
}
