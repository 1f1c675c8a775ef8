using System.CommandLine;
using System.Globalization;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl result KEY REQUEST-ID</c>: the outcome of a write whose answer was lost. Exit code 0 if it was applied, 3 if the shard has not received
/// it, 4 if its condition did not hold, 1 if a rule refused it, 6 if the outcome is not stored any more.
/// </summary>
internal static class ResultCommand
{
    public static Command Create(Shell shell)
    {
        var key = Arguments.Key();
        var request = new Argument<string>("request-id") { Description = "The request id that was printed when the outcome was unknown." };
        var command = new Command("result", "Show the outcome of a write whose answer was lost.") { key, request };
        command.SetAction(shell.Run(async run =>
        {
            var text = run.Parsed.GetRequiredValue(request);
            if (!KvRequestId.TryParse(text, out var id))
            {
                throw new UsageException($"'{text}' is not a request id; a request id is 32 hexadecimal digits, a dash and a number.");
            }

            await using var client = run.Connect();
            var result = await client.Keyspace().GetRequestResultAsync(Arguments.Bytes(run.Parsed.GetRequiredValue(key)), id, run.Cancellation);
            var (code, word) = Meaning(result.State);
            await run.Console.Out.WriteLineAsync(run.IsJson
                ? string.Create(CultureInfo.InvariantCulture, $"{{\"state\":\"{word}\",\"version\":{result.Version},\"number\":{result.Number}}}")
                : result.Version > 0 ? string.Create(CultureInfo.InvariantCulture, $"{word}\t{result.Version}")
                : word);
            return code;
        }));
        return command;
    }

    private static (int Code, string Word) Meaning(KvRequestState state) => state switch
    {
        KvRequestState.Applied => (ExitCodes.Ok, "applied"),
        KvRequestState.NotSeen => (ExitCodes.NotFound, "not-seen"),
        KvRequestState.ConditionFailed => (ExitCodes.Mismatch, "condition-failed"),
        KvRequestState.Refused => (ExitCodes.Failed, "refused"),
        _ => (ExitCodes.OutcomeUnknown, "forgotten"),
    };
}
