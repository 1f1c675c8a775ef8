using KvRaft.Raft.Background;

namespace KvRaft.Node.Lifecycle;

/// <summary>The exit codes of the process; the numbers agree with those of <c>kvctl</c>.</summary>
internal static class ExitCodes
{
    /// <summary>Stopped by a request.</summary>
    public const int Stopped = 0;

    /// <summary>Did not start, or could not continue.</summary>
    public const int Failed = 1;

    /// <summary>
    /// A write or sync of the data disk failed. The process ended at once, without closing anything; a start reads the data on the disk. The number is EX_IOERR of
    /// <c>sysexits.h</c>, so that a supervisor can distinguish a bad disk from a bad configuration.
    /// </summary>
    public const int DiskFailed = 74;

    /// <summary>
    /// Background work of the node ended by an exception that it does not handle, which is a bug. The process ended at once, without closing anything: a node that does only a part of
    /// its work is worse than one that is down. The number is EX_SOFTWARE of <c>sysexits.h</c>.
    /// </summary>
    public const int InternalFault = 70;

    /// <summary>An allocation failed; the number of <c>ENOMEM</c>.</summary>
    public const int OutOfMemory = 12;

    /// <summary>The command line or the configuration is wrong.</summary>
    public const int BadArguments = 128;

    /// <summary>The code of a node that cannot continue. Only <see cref="Failed"/> leaves time to close anything.</summary>
    public static int Of(Exception cause, bool hasDiskFailed) =>
        hasDiskFailed ? DiskFailed : cause is BackgroundFaultException ? InternalFault : Failed;
}
