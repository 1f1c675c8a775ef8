using System.CommandLine;
using System.Globalization;
using KvRaft.Cli.Output;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl operator list|show|history|cancel|pause|resume</c>: the agreed moves, one by one. The name of a move is <c>op-N</c>; <c>N</c> is accepted
/// too.
/// </summary>
internal static class OperatorCommand
{
    public static Command Create(Shell shell) => new("operator", "Operators: the waiting and running moves, with their causes.")
    {
        List(shell),
        Show(shell),
        History(shell),
        Cancel(shell),
        Hold(shell, "pause", resume: false, "Pause a waiting move, or all (--all). Running moves continue."),
        Hold(shell, "resume", resume: true, "Resume a paused move, or all (--all)."),
    };

    private static Command List(Shell shell)
    {
        var command = new Command("list", "List the waiting and running moves, with the reason why each waits.");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var operators = await client.Administration.Calls.ListOperatorsAsync(cancellationToken: run.Cancellation);
            Listed(operators.Operators).WriteTo(run.Console.Out, run.Format);
            if (operators.Held)
            {
                await run.Console.Error.WriteLineAsync("kvctl: operators are paused; resume with: kvctl operator resume --all");
            }

            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Command Show(Shell shell)
    {
        var name = Name(ArgumentArity.ExactlyOne);
        var command = new Command("show", "Show one move; it may have ended.") { name };
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var number = Number(run.Parsed.GetRequiredValue(name));
            var operators = await client.Administration.Calls.ListOperatorsAsync(history: true, run.Cancellation);
            if (operators.Operators.Concat(operators.History).FirstOrDefault(one => one.Number == number) is not { } found)
            {
                await run.Console.Error.WriteLineAsync($"kvctl: there is no operator op-{number}, or it ended long ago");
                return ExitCodes.NotFound;
            }

            Listed([found]).WriteTo(run.Console.Out, run.Format);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Command History(Shell shell)
    {
        var command = new Command("history", "List the ended moves, newest first, with cause and result.");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            Listed((await client.Administration.Calls.ListOperatorsAsync(history: true, run.Cancellation)).History).WriteTo(run.Console.Out, run.Format);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Command Cancel(Shell shell)
    {
        var (name, all) = (Name(ArgumentArity.ZeroOrOne), All());
        var command = new Command("cancel", "Drop a waiting move or revert a running one; or all (--all). The node changes of the plan stay.") { name, all };
        command.SetAction(shell.Change(async run =>
        {
            var number = OneOrAll(run, name, all);
            await using var client = run.Connect();
            var answer = await client.Administration.Calls.CancelOperatorAsync(number, run.Cancellation);
            var ended = answer.Operators > 0 || number == 0
                ? null
                : (await client.Administration.Calls.ListOperatorsAsync(history: true, run.Cancellation)).History.FirstOrDefault(one => one.Number == number);
            var (text, code) = Cancelled(number, answer.Operators, ended);
            await (code == ExitCodes.Ok ? run.Console.Out : run.Console.Error).WriteLineAsync(text);
            return code;
        }));
        return command;
    }

    /// <summary>The result of a cancellation. A repeated one succeeds: the first may have ended the operator without an answer.</summary>
    internal static (string Text, int ExitCode) Cancelled(long number, int cancelled, OperatorInfo? ended) => (number, cancelled, ended?.State) switch
    {
        (_, > 0, _) => ($"{PlanText.Count(cancelled, "move")} cancelled; running moves are being reverted.", ExitCodes.Ok),
        (0, _, _) => ("No move runs or waits.", ExitCodes.Ok),
        (_, _, "moved") => ($"kvctl: op-{number} has ended: the replica was moved; show with: kvctl operator show op-{number}", ExitCodes.Failed),
        (_, _, { } state) => ($"op-{number} has ended already: {state}.", ExitCodes.Ok),
        _ => ($"kvctl: op-{number} has ended; show with: kvctl operator history", ExitCodes.Failed),
    };

    private static Command Hold(Shell shell, string verb, bool resume, string description)
    {
        var (name, all) = (Name(ArgumentArity.ZeroOrOne), All());
        var command = new Command(verb, description) { name, all };
        command.SetAction(shell.Change(async run =>
        {
            var number = OneOrAll(run, name, all);
            await using var client = run.Connect();
            await client.Administration.Calls.HoldOperatorAsync(number, resume, run.Cancellation);
            await run.Console.Out.WriteLineAsync($"{(number == 0 ? "All operators" : $"op-{number}")} {(resume ? "may go on" : "paused")}.");
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Listing Listed(IEnumerable<OperatorInfo> operators)
    {
        var listing = new Listing("operator", "plan", "shard", "from", "to", "state", "note", "cause", "agreed", "ended", "epoch");
        foreach (var one in operators)
        {
            listing.Add(
                $"op-{one.Number}", one.Plan, one.Shard, one.FromNode, one.ToNode, one.State, one.Note, one.Cause, Moment(one.AgreedMs), Moment(one.EndedMs),
                one.EndedEpoch > 0 ? one.EndedEpoch : null);
        }

        return listing;
    }

    private static string? Moment(long ms) =>
        ms > 0 ? EntryText.Moment(ms).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) : null;

    private static Argument<string?> Name(ArgumentArity arity) => new("operator") { Description = "The move, such as op-12.", Arity = arity };

    private static Option<bool> All() => new("--all") { Description = "All moves." };

    private static long OneOrAll(Invocation run, Argument<string?> name, Option<bool> all) => (run.Parsed.GetValue(name), run.Parsed.GetValue(all)) switch
    {
        (null, true) => 0,
        ({ } one, false) => Number(one),
        _ => throw new UsageException("name an operator, or --all"),
    };

    private static long Number(string? text)
    {
        var digits = text?.StartsWith("op-", StringComparison.Ordinal) == true ? text[3..] : text;
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
            ? number
            : throw new UsageException($"'{text}' is not an operator; an example is op-12");
    }
}
