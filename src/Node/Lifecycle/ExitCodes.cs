using KvRaft.Raft.Background;

namespace KvRaft.Node.Lifecycle;

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

    /// <summary>
    /// Work of the node in the background ended by an exception that it does not handle, which is a bug. The process ended at once, without closing anything: a node that does a part of
    /// its duties is worse than one that is away. The number is EX_SOFTWARE of <c>sysexits.h</c>.
    /// </summary>
    public const int InternalFault = 70;

    /// <summary>An allocation failed; the number of <c>ENOMEM</c>.</summary>
    public const int OutOfMemory = 12;

    /// <summary>The command line or the configuration is wrong.</summary>
    public const int BadArguments = 128;

    /// <summary>Of a node that cannot go on. Only <see cref="Failed"/> leaves time to close anything.</summary>
    public static int Of(Exception cause, bool hasDiskFailed) =>
        hasDiskFailed ? DiskFailed : cause is BackgroundFaultException ? InternalFault : Failed;
}
