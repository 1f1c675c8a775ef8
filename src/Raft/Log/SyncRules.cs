namespace KvRaft.Raft.Log;

/// <summary>
/// When a batch of the log is on disk. A build with planted bugs compiles the version in the folder <c>Planted</c> instead, which is why each decision is in a method of its own.
/// </summary>
internal static class SyncRules
{
    /// <summary>Each batch is synced before it is acknowledged.</summary>
    public static void SyncBatch(IFile file) => file.FlushData();

    /// <summary>The content is on disk only if the call of fdatasync reports no error.</summary>
    public static bool IsSynced(int result) => result == 0;
}
