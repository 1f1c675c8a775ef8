using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Consensus;

namespace KvRaft.Raft.Tests.Rounds;

/// <summary>
/// A round as DotNext 6.12 counts it (<c>ReplicationBarrier</c>, <c>ReplicationState</c>, <c>LeaderState.GetCommitIndex</c>): it ends with the first answers that decide it, and
/// the index it commits is the middle one of those. <c>ReplicationRoundTests</c> compares this model with the library.
/// </summary>
internal sealed class ReplicationRound(int voters)
{
    private readonly List<long> _indices = [];
    private int _committed;
    private int _replicated;
    private int _unavailable;

    public bool IsOver { get; private set; }

    /// <summary>For a round that is over: a majority of the voters answered.</summary>
    public bool HasConsensus { get; private set; }

    /// <summary>For a round that is over and has consensus; 0: it commits nothing.</summary>
    public long CommitIndex { get; private set; }

    /// <summary>How DotNext counts a follower's answer. Null: the follower counts as unavailable; 0: it is present and nothing is counted.</summary>
    /// <param name="answer">The answer after it passed through <see cref="GroupAuditTrail"/>.</param>
    /// <param name="last">The last entry that was sent.</param>
    public static long IndexOf(Result<ReplicationStatus> answer, long last) => answer.Value.Result == HeartbeatResult.ReplicatedWithLeaderTerm ? last : 0;

    public void Add(long? index)
    {
        if (IsOver)
        {
            return;
        }

        _indices.Add(index ?? 0);
        _ = index switch
        {
            null => _unavailable++,
            0 => _replicated++,
            _ => _committed++,
        };
        var majority = (voters / 2) + 1;
        var isDecided = _committed >= majority || (_replicated + _committed >= majority && voters - _replicated - _unavailable < majority);
        if (voters - _unavailable < majority)
        {
            IsOver = true;
        }
        else if (isDecided)
        {
            (IsOver, HasConsensus) = (true, true);
            CommitIndex = _indices.Order().ElementAt((_indices.Count - 1) / 2);
        }
    }
}
