namespace KvRaft.V1;

/// <summary>The reasons of errors, as in error.proto, which documents each with its status code.</summary>
public static class ErrorReasons
{
    /// <summary>The domain of every <c>google.rpc.ErrorInfo</c> of this store.</summary>
    public const string Domain = "kvraft";

    /// <summary>The metadata key that states whether a failed write may have taken effect.</summary>
    public const string ExecutionKey = "execution";

    /// <summary>A value of <see cref="ExecutionKey"/>: the write had no effect and will have none.</summary>
    public const string NotExecuted = "NOT_EXECUTED";

    /// <summary>A value of <see cref="ExecutionKey"/>: the write may have taken effect, or may take effect later.</summary>
    public const string Unknown = "UNKNOWN";

    public const string NotLeader = "NOT_LEADER";
    public const string WrongShard = "WRONG_SHARD";
    public const string StaleEpoch = "STALE_EPOCH";
    public const string NoLeader = "NO_LEADER";
    public const string ElectionInProgress = "ELECTION_IN_PROGRESS";
    public const string QuorumLost = "QUORUM_LOST";
    public const string Deadline = "DEADLINE";
    public const string Overloaded = "OVERLOADED";
    public const string WriteStall = "WRITE_STALL";
    public const string QuotaBytes = "QUOTA_BYTES";
    public const string QuotaKeys = "QUOTA_KEYS";
    public const string DiskFull = "DISK_FULL";
    public const string LimitExceeded = "LIMIT_EXCEEDED";
    public const string CrossShardAtomic = "CROSS_SHARD_ATOMIC";
    public const string NotANumber = "NOT_A_NUMBER";
    public const string OutOfBounds = "OUT_OF_BOUNDS";
    public const string InvalidRequest = "INVALID_REQUEST";
    public const string HostNotAllowed = "HOST_NOT_ALLOWED";
    public const string RequestIdExpired = "REQUEST_ID_EXPIRED";

    /// <summary>Metadata of <see cref="RequestIdExpired"/>: the shard of the index.</summary>
    public const string AfterShardKey = "after_shard";

    /// <summary>Metadata of <see cref="RequestIdExpired"/>: an index of the shard's log, for <c>RequestIdentity.after</c>.</summary>
    public const string AfterIndexKey = "after_index";

    public const string RequestIdReused = "REQUEST_ID_REUSED";
    public const string KeyspaceNotFound = "KEYSPACE_NOT_FOUND";
    public const string KeyspaceExists = "KEYSPACE_EXISTS";
    public const string WrongMode = "WRONG_MODE";
    public const string QuorumNotReached = "QUORUM_NOT_REACHED";
    public const string ContextInvalid = "CONTEXT_INVALID";
    public const string TooManySiblings = "TOO_MANY_SIBLINGS";
    public const string StaleReplica = "STALE_REPLICA";
    public const string CursorInvalid = "CURSOR_INVALID";
    public const string CorruptReplica = "CORRUPT_REPLICA";
    public const string NodeProofRequired = "NODE_PROOF_REQUIRED";
    public const string Draining = "DRAINING";
    public const string Internal = "INTERNAL";
}
