using System.CommandLine;
using System.Globalization;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl del-range --prefix P</c>: deletes a range in bounded steps and prints the number of deleted keys; <c>--atomic</c> deletes it in one step,
/// within one tag. After an interruption the command can be repeated and continues with the remaining keys.
/// </summary>
internal static class DelRangeCommand
{
    public static Command Create(Shell shell)
    {
        var (prefix, start, end) = (Arguments.Prefix(), Arguments.Start(), Arguments.End());
        var all = new Option<bool>("--all") { Description = "Every key of the keyspace; needs --yes." };
        var yes = new Option<bool>("--yes", "-y") { Description = "Confirm --all." };
        var atomic = new Option<bool>("--atomic") { Description = "Atomically; the range must be within one {tag}." };
        var command = new Command("del-range", "Delete a range of keys.") { prefix, start, end, all, yes, atomic };
        command.SetAction(shell.Change(async run =>
        {
            var (everything, bounds) = (run.Parsed.GetValue(all), new[] { prefix, start, end }.Select(run.Parsed.GetValue).ToArray());
            if (everything == bounds.Any(static bound => bound!.Length > 0))
            {
                throw new UsageException("Give --prefix, --start or --end, or --all. An empty prefix does not select all keys.");
            }

            if (everything && !run.Parsed.GetValue(yes))
            {
                throw new UsageException($"This deletes every key of '{run.Keyspace}'; confirm with --yes.");
            }

            var range = everything ? KvDeleteRange.Everything : new KvDeleteRange
            {
                Prefix = Arguments.Bytes(bounds[0]!),
                Start = Arguments.Bytes(bounds[1]!),
                End = Arguments.Bytes(bounds[2]!),
            };
            await using var client = run.Connect();
            var deleted = await client.Keyspace().DeleteRangeAsync(
                range with { Atomic = run.Parsed.GetValue(atomic) }, cancellationToken: run.Cancellation);
            await run.Console.Out.WriteLineAsync(run.IsJson
                ? string.Create(CultureInfo.InvariantCulture, $"{{\"deleted\":{deleted}}}")
                : deleted.ToString(CultureInfo.InvariantCulture));
            return ExitCodes.Ok;
        }));
        return command;
    }
}
