namespace KvRaft.Cli;

/// <summary>The exit codes of kvctl. Scripts depend on the numbers; they never change.</summary>
internal static class ExitCodes
{
    /// <summary>All exit codes with the texts of <c>--help</c>.</summary>
    public static IReadOnlyList<(int Code, string Meaning)> Meanings { get; } =
    [
        (Ok, "done"),
        (Failed, "failed; the message contains the reason"),
        (CannotConnect, "no node could be reached"),
        (NotFound, "no such key, keyspace or request"),
        (Mismatch, "a condition did not hold, or the object to create exists"),
        (Partial, "a part of the command succeeded"),
        (OutcomeUnknown, "timed out; the outcome of the write is unknown (see kvctl result)"),
        (Problems, "a check found problems"),
        (BadArguments, "the command line is wrong"),
        (Interrupted, "stopped by Ctrl-C"),
    ];

    public const int Ok = 0;

    /// <summary>The command failed; the message contains the reason.</summary>
    public const int Failed = 1;

    /// <summary>No node could be reached.</summary>
    public const int CannotConnect = 2;

    /// <summary>The key or keyspace does not exist.</summary>
    public const int NotFound = 3;

    /// <summary>A condition did not hold, or the object to create exists.</summary>
    public const int Mismatch = 4;

    /// <summary>A part of the command succeeded.</summary>
    public const int Partial = 5;

    /// <summary>The request timed out, and its outcome is unknown; its request id was printed.</summary>
    public const int OutcomeUnknown = 6;

    /// <summary>A check found problems.</summary>
    public const int Problems = 7;

    public const int BadArguments = 128;

    /// <summary>Stopped by Ctrl-C: 128 plus the number of SIGINT, as is usual for shells.</summary>
    public const int Interrupted = 130;
}
