using KvRaft.Storage.Commands;

namespace KvRaft.Storage.Sessions;

/// <summary>What a shard knows of a stamped write.</summary>
public enum RequestKnowledge
{
    /// <summary>It was not applied here, and would be if it arrived now.</summary>
    NotSeen,

    /// <summary>It was applied (or refused by rule); <see cref="RequestFate.Outcome"/> is the answer it got.</summary>
    Remembered,

    /// <summary>It was acknowledged, or is too old: whether it was applied is forgotten, and it will not be applied any more.</summary>
    Forgotten,
}

/// <summary>What became of a stamped write.</summary>
/// <param name="Knowledge">What the shard can say.</param>
/// <param name="Outcome">Of a remembered one, with <see cref="ShardOutcome.Deduplicated"/> set; otherwise null.</param>
public readonly record struct RequestFate(RequestKnowledge Knowledge, ShardOutcome? Outcome = null);
