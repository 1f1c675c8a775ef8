using DotNext.Net.Cluster.Consensus.Raft;

namespace KvRaft.Raft.Consensus;

/// <summary>
/// A follower's answer to the entries it received, as it passes through <see cref="EntryReader"/> to DotNext, and its one rule:
/// <b>an answer counts towards a commit only if it covers all entries of its round.</b>
/// <para>
/// DotNext 6.12 decides a round from the first answers that make a majority of the voters: it sorts the acknowledged indices and commits the one in the middle.
/// (<c>ReplicationBarrier</c>, <c>ReplicationState</c>, <c>LeaderState.GetCommitIndex</c>.) A majority of these answers holds that index. This is a majority of the voters
/// only if every answer acknowledges either nothing or everything up to the end of the round. With five voters and the answers 100, 100 and 40, DotNext commits 100, although
/// only two of five voters hold it.
/// </para>
/// <para>
/// So an answer for a part of the round is passed on as <see cref="HeartbeatResult.Replicated"/>. DotNext uses this value for entries that a follower stored but that
/// must not be counted (Raft, section 5.4.2): the leader continues behind them, the follower counts as present, and the index is 0. Then each round has answers of two kinds
/// only, and the middle one is above 0 only if at least a majority of the voters that the round counts holds the whole round. This holds for any number of voters, and
/// does not depend on which configuration is in memory, stored, or in the log while the round runs.
/// </para>
/// </summary>
internal static class ReplicationAnswer
{
    /// <summary>True if an answer can be intercepted and changed. Only the answers of DotNext's replication process can; other readers receive all that they request.</summary>
    public static bool IsOf<TAnswer>() => typeof(TAnswer) == typeof(Result<ReplicationStatus>);

    /// <summary>The follower holds the received entries on its disk.</summary>
    public static bool IsTaken<TAnswer>(TAnswer answer) =>
        answer is Result<ReplicationStatus> { Value.Result: HeartbeatResult.Replicated or HeartbeatResult.ReplicatedWithLeaderTerm };

    /// <summary>The result that DotNext may count for an answer to entries up to <paramref name="last"/> in a round that ends at <paramref name="end"/>.</summary>
    public static TAnswer Counted<TAnswer>(TAnswer answer, long last, long end) =>
        ReplicationRules.IsPart(last, end) && answer is Result<ReplicationStatus> { Value: { Result: HeartbeatResult.ReplicatedWithLeaderTerm } value } result
            ? (TAnswer)(object)(result with { Value = value with { Result = HeartbeatResult.Replicated } })
            : answer;
}
