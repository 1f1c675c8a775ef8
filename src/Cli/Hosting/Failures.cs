using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Cli;

/// <summary>Maps a failed request to an exit code. Pure.</summary>
internal static class Failures
{
    /// <summary>The verb whose parts are for eventual keyspaces.</summary>
    public const string SiblingsVerb = "siblings";

    public static int CodeOf(KvException error) => error switch
    {
        { Outcome: KvOutcome.Unknown } => ExitCodes.OutcomeUnknown,
        { NoNodeAnswered: true } or { Reason: "UNAVAILABLE" } => ExitCodes.CannotConnect,
        { Reason: ErrorReasons.KeyspaceNotFound } => ExitCodes.NotFound,
        { Reason: ErrorReasons.KeyspaceExists } => ExitCodes.Mismatch,
        { Reason: ErrorReasons.InvalidRequest or ErrorReasons.LimitExceeded } => ExitCodes.BadArguments,
        _ => ExitCodes.Failed,
    };

    /// <summary>The verbs that work where a request had the wrong mode. The message of the node names calls, which kvctl does not have.</summary>
    /// <param name="reason">The reason of the failure.</param>
    /// <param name="isOfEventual">The verb is one for eventual keyspaces.</param>
    public static string? HintOf(string reason, bool isOfEventual) => reason != ErrorReasons.WrongMode ? null
        : isOfEventual ? "for a key of a strong keyspace, use kvctl get, put or del"
        : "for a key of an eventual keyspace, use kvctl get, put or siblings; kvctl has no delete for it";
}
