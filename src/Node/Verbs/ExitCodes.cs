namespace KvRaft.Node.Verbs;

/// <summary>What the process answers the shell; the numbers agree with those of <c>kvctl</c>.</summary>
internal static class ExitCodes
{
    /// <summary>Stopped because it was asked to.</summary>
    public const int Stopped = 0;

    /// <summary>Did not start, or could not go on.</summary>
    public const int Failed = 1;

    /// <summary>
    /// A write or sync of the data disk failed. The process ended at once, without closing anything; a start reads what the disk holds. The number is EX_IOERR of
    /// <c>sysexits.h</c>, so that a supervisor can tell a bad disk from a bad configuration.
    /// </summary>
    public const int DiskFailed = 74;

    /// <summary>An allocation failed; the number of <c>ENOMEM</c>.</summary>
    public const int OutOfMemory = 12;

    /// <summary>The command line or the configuration is wrong.</summary>
    public const int BadArguments = 128;
}
