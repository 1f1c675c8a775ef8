using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;

namespace KvRaft.Raft.Digests;

/// <summary>A replica whose state is compared with that of the others.</summary>
internal interface IComparedGroup : IGroup
{
    /// <summary>The status of this replica reports that replicas differ.</summary>
    bool IsDigestNoted { get; }

    /// <summary>False if the index is passed already, or this replica cannot compute a digest.</summary>
    Task<bool> TryWantDigestAsync(long index, CancellationToken cancellationToken);

    ValueTask<DigestAnswer> DigestAsync(long index);

    /// <summary>Reports that the replicas of the group differ, or are equal again.</summary>
    void OnDigestDiffers(DigestDiffersRequest request);
}
