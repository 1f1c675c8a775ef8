using System.CommandLine;
using System.Globalization;
using KvRaft.Cli.Output;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl scheduler list|pause|resume</c>: the automatic schedulers of the placement. Their limits are in <see cref="SchedulerConfigCommand"/>.
/// </summary>
internal static class SchedulerCommand
{
    public static Command Create(Shell shell) => new("scheduler", "Schedulers: the automatic moves of shards and leaders, and their limits.")
    {
        List(shell),
        Pause(shell),
        Resume(shell),
        SchedulerConfigCommand.Create(shell),
    };

    private static Command List(Shell shell)
    {
        var command = new Command("list", "List the schedulers, with the last action of each under the current leader of group 0.");
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            Listed((await client.Administration.Calls.ListSchedulersAsync(run.Cancellation)).Schedulers).WriteTo(run.Console.Out, run.Format);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Command Pause(Shell shell)
    {
        var name = Name();
        var duration = GlobalOptions.Duration("--for", "The duration of the pause, e.g. 10m; default: until it is resumed.");
        var command = new Command("pause", "Pause a scheduler. Actions that it has started continue.") { name, duration };
        command.SetAction(shell.Change(async run =>
        {
            await using var client = run.Connect();
            var answer = await client.Administration.Calls.PauseSchedulerAsync(run.Parsed.GetRequiredValue(name), run.Parsed.GetValue(duration), run.Cancellation);
            await run.Console.Out.WriteLineAsync($"{answer.Scheduler.Name} is paused{(answer.Scheduler.PausedUntilMs > 0 ? $" until {Moment(answer.Scheduler.PausedUntilMs)} UTC" : "")}.");
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Command Resume(Shell shell)
    {
        var name = Name();
        var command = new Command("resume", "Resume a scheduler.") { name };
        command.SetAction(shell.Change(async run =>
        {
            await using var client = run.Connect();
            var answer = await client.Administration.Calls.ResumeSchedulerAsync(run.Parsed.GetRequiredValue(name), run.Cancellation);
            await run.Console.Out.WriteLineAsync($"{answer.Scheduler.Name} {answer.Scheduler.Does}.");
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Listing Listed(IEnumerable<SchedulerInfo> schedulers)
    {
        var listing = new Listing("scheduler", "state", "until", "does", "last");
        foreach (var one in schedulers)
        {
            listing.Add(one.Name, one.Paused ? "paused" : "running", Moment(one.PausedUntilMs), one.Does, one.Note.Length > 0 ? one.Note : null);
        }

        return listing;
    }

    private static string? Moment(long ms) =>
        ms > 0 ? EntryText.Moment(ms).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) : null;

    private static Argument<string> Name() => new("scheduler") { Description = "The name of the scheduler; see kvctl scheduler list." };
}
