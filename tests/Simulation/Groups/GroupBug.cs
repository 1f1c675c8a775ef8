namespace KvRaft.Simulation.Tests.Groups;

/// <summary>What may be wrong with a simulated group, to show that the simulation would notice.</summary>
public enum GroupBug
{
    None,

    /// <summary>A follower says that it has entries before they are on its disk.</summary>
    AnswersBeforeDisk,

    /// <summary>A vote is given before it is on the voter's disk.</summary>
    VotesBeforeDisk,

    /// <summary>A leader reads without asking whether it still leads.</summary>
    ReadsWithoutAsking,

    /// <summary>A fresh leader takes what it knows to be committed for all that is.</summary>
    ReadsAtCommitIndexAlone,

    /// <summary>A follower commits as far as it is told, also what it holds beyond the entries that were sent.</summary>
    CommitsWhatItWasNotSent,

    /// <summary>A writer repeats a write under another name.</summary>
    RetriesAsNew,

    /// <summary>A deposed leader calls failed whatever was under way.</summary>
    OpenCalledFailed,

    /// <summary>The log forgets what the state machine has applied and not made durable.</summary>
    ForgetsWhatIsNotFlushed,

    /// <summary>The table of sessions does not survive being copied to another replica.</summary>
    CopiesNoSessions,

    /// <summary>An answer to a part of a round counts as one to all of it: DotNext commits the median of the first majority of answers.</summary>
    CommitsMedianOfPartialAnswers,
}
