using KvRaft.Storage.Commands;

namespace KvRaft.Storage.Sessions;

/// <summary>What a shard remembers of a stamped write.</summary>
public enum RequestKnowledge
{
    /// <summary>It was not applied here, and would be applied if it arrived now.</summary>
    NotSeen,

    /// <summary>It was applied (or refused by a rule); <see cref="RequestFate.Outcome"/> is the answer it got.</summary>
    Remembered,

    /// <summary>It was acknowledged, or is too old: its outcome was discarded, and it will not be applied any more.</summary>
    Forgotten,
}

/// <summary>The fate of a stamped write.</summary>
/// <param name="Knowledge">What the shard remembers.</param>
/// <param name="Outcome">The remembered outcome, with <see cref="ShardOutcome.Deduplicated"/> set; otherwise null.</param>
public readonly record struct RequestFate(RequestKnowledge Knowledge, ShardOutcome? Outcome = null);
