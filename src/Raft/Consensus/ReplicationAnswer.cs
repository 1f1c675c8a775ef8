using DotNext.Net.Cluster.Consensus.Raft;

namespace KvRaft.Raft.Consensus;

/// <summary>
/// What a follower answered to the entries it was sent, in the form in which it passes through <see cref="GroupAuditTrail"/> to DotNext, and the one rule about it:
/// <b>an answer counts towards a commit only if it covers all entries of its round.</b>
/// <para>
/// DotNext 6.12 decides a round from the first answers that make a majority of the voters: it sorts the indices they acknowledge and commits the one in the middle.
/// (<c>ReplicationBarrier</c>, <c>ReplicationState</c>, <c>LeaderState.GetCommitIndex</c>.) That index is held by a majority of these answers, which is a majority of the voters
/// only if every answer acknowledges either nothing or everything up to the end of the round. With five voters and the answers 100, 100 and 40, DotNext commits 100, which
/// two of five hold.
/// </para>
/// <para>
/// So an answer for a part of the round is passed on as <see cref="HeartbeatResult.Replicated"/>, DotNext's own word for entries that a follower took but that
/// must not be counted (Raft, section 5.4.2): the leader goes on behind them, the follower counts as present, and the index is 0. Then each round has answers of two kinds
/// only, and the middle one is above 0 only if at least a majority of the voters that the round counts holds the whole round. This holds for any number of voters, and
/// does not depend on which configuration is in memory, stored, or in the log while the round runs.
/// </para>
/// </summary>
internal static class ReplicationAnswer
{
    /// <summary>Can an answer be told apart, and changed? Only the answers of DotNext's replication process can; other readers are given everything they ask for.</summary>
    public static bool IsOf<TAnswer>() => typeof(TAnswer) == typeof(Result<ReplicationStatus>);

    /// <summary>The follower holds what it was sent, on its disk.</summary>
    public static bool IsTaken<TAnswer>(TAnswer answer) =>
        answer is Result<ReplicationStatus> { Value.Result: HeartbeatResult.Replicated or HeartbeatResult.ReplicatedWithLeaderTerm };

    /// <summary>What DotNext may count of an answer to entries up to <paramref name="last"/> in a round that ends at <paramref name="end"/>.</summary>
    public static TAnswer Counted<TAnswer>(TAnswer answer, long last, long end) =>
        last < end && answer is Result<ReplicationStatus> { Value: { Result: HeartbeatResult.ReplicatedWithLeaderTerm } value } result
            ? (TAnswer)(object)(result with { Value = value with { Result = HeartbeatResult.Replicated } })
            : answer;
}
