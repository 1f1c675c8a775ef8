namespace KvRaft.Storage;

/// <summary>
/// Distinguishes a full disk from a failing one. If a file could not be made or extended because the disk is full, the data on disk is not affected, and the operation can be retried.
/// If a write or a sync fails for another reason, the content of its file is permanently unknown.
/// </summary>
public static class FullDisk
{
    /// <summary>ENOSPC and EDQUOT of Linux, which .NET passes on unchanged.</summary>
    private const int NoSpaceLeft = 28;

    private const int QuotaExceeded = 122;

    public static bool Is(Exception error) => error is IOException { HResult: NoSpaceLeft or QuotaExceeded };
}
