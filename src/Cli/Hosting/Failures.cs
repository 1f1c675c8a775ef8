using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Cli;

/// <summary>Maps a failed request to an exit code. Pure.</summary>
internal static class Failures
{
    public static int CodeOf(KvException error) => error switch
    {
        { Outcome: KvOutcome.Unknown } => ExitCodes.OutcomeUnknown,
        { NoNodeAnswered: true } or { Reason: "UNAVAILABLE" } => ExitCodes.CannotConnect,
        { Reason: ErrorReasons.KeyspaceNotFound } => ExitCodes.NotFound,
        { Reason: ErrorReasons.KeyspaceExists } => ExitCodes.Mismatch,
        { Reason: ErrorReasons.InvalidRequest or ErrorReasons.LimitExceeded } => ExitCodes.BadArguments,
        _ => ExitCodes.Failed,
    };
}
