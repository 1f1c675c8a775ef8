namespace KvRaft.Simulation.Tests.Groups;

/// <summary>Bugs that a run can plant in a simulated group, to show that the simulation finds them.</summary>
public enum GroupBug
{
    None,

    /// <summary>A follower acknowledges entries before they are on its disk.</summary>
    AnswersBeforeDisk,

    /// <summary>A voter answers a vote request before its vote is on its disk.</summary>
    VotesBeforeDisk,

    /// <summary>A leader answers reads without a quorum confirmation.</summary>
    ReadsWithoutConfirmation,

    /// <summary>A new leader reads at its commit index before it has committed an entry of its term.</summary>
    ReadsBeforeFirstCommitOfTerm,

    /// <summary>A follower sets its commit index to the leader's, although its log may hold entries of another leader beyond those that the request carried.</summary>
    CommitsBeyondRequest,

    /// <summary>A client repeats a write under a new request number.</summary>
    RetriesAsNewRequest,

    /// <summary>A deposed leader reports its open proposals as failed, although their outcome is unknown.</summary>
    ReportsUnknownAsFailed,

    /// <summary>The log discards entries that the state machine has applied but not flushed.</summary>
    DropsUnflushedEntries,

    /// <summary>A checkpoint does not contain the session table.</summary>
    CheckpointsLackSessions,

    /// <summary>An answer to a part of a round counts as an answer to the whole round: DotNext commits the median of the first majority of answers.</summary>
    CountsPartialAnswers,
}
