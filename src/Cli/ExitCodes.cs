namespace KvRaft.Cli;

/// <summary>What kvctl tells the shell. Scripts depend on the numbers; they never change.</summary>
internal static class ExitCodes
{
    /// <summary>All of them, as <c>--help</c> shows them.</summary>
    public static IReadOnlyList<(int Code, string Meaning)> Meanings { get; } =
    [
        (Ok, "done"),
        (Failed, "it could not be done; the message says why"),
        (CannotConnect, "no node could be reached"),
        (NotFound, "no such key, keyspace or request"),
        (Mismatch, "a condition did not hold, or what was to be made exists"),
        (Partial, "some of it was done"),
        (OutcomeUnknown, "timed out; whether the write happened is not known (kvctl result asks)"),
        (Problems, "a check found problems"),
        (BadArguments, "the command line is wrong"),
        (Interrupted, "stopped by Ctrl-C"),
    ];

    public const int Ok = 0;

    /// <summary>It could not be done; the message says why.</summary>
    public const int Failed = 1;

    /// <summary>No node could be reached.</summary>
    public const int CannotConnect = 2;

    /// <summary>No such key, or keyspace.</summary>
    public const int NotFound = 3;

    /// <summary>A condition did not hold, or what was to be made exists.</summary>
    public const int Mismatch = 4;

    /// <summary>Some of it was done.</summary>
    public const int Partial = 5;

    /// <summary>Timed out, and whether the write happened is not known; its request id was printed.</summary>
    public const int OutcomeUnknown = 6;

    /// <summary>A check found problems.</summary>
    public const int Problems = 7;

    public const int BadArguments = 128;

    /// <summary>Stopped by Ctrl-C: 128 and the number of SIGINT, as shells have it.</summary>
    public const int Interrupted = 130;
}
