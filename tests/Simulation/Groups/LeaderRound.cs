using KvRaft.Raft.Tests.Rounds;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>One replication round of a leader. <see cref="ReplicationRound"/> counts it as DotNext does.</summary>
internal sealed class LeaderRound(IReadOnlySet<int> voters, long checkpoint)
{
    private readonly ReplicationRound _count = new(voters.Count);

    /// <summary>The voters at the beginning of the round: their majority decides it.</summary>
    public IReadOnlySet<int> Voters => voters;

    /// <summary>The last entry of the log at the beginning of the round.</summary>
    public long Checkpoint => checkpoint;

    public bool IsOver => _count.IsOver;

    public bool HasConsensus => _count.HasConsensus;

    public long CommitIndex => _count.CommitIndex;

    /// <param name="index">Null: the voter is unavailable. 0: the voter answered, and its answer is not counted.</param>
    public void Add(long? index) => _count.Add(index);
}
