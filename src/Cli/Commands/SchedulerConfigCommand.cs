using System.CommandLine;
using System.Globalization;
using KvRaft.Cli.Output;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl scheduler config [get]</c> and <c>kvctl scheduler config set NAME VALUE</c>: the limits of concurrent moves and copies.
/// </summary>
internal static class SchedulerConfigCommand
{
    private static readonly Setting[] Settings =
    [
        new("copy-mb-per-second", static config => config.CopyMegabytesPerSecond, static value => new() { CopyMegabytesPerSecond = value },
            "MB (2^20 bytes) per second that a node copies, for all its copies together"),
        new("foreground-p99-ms", static config => config.ForegroundP99Ms, static value => new() { ForegroundP99Ms = value },
            "copies slow down while the write latency of a node (99th percentile) is higher; 0: never"),
        new("moves-at-once", static config => config.MovesAtOnce, static value => new() { MovesAtOnce = value },
            "concurrent moves in the cluster"),
        new("moves-at-once-per-node", static config => config.MovesAtOncePerNode, static value => new() { MovesAtOncePerNode = value },
            "concurrent moves to, or from, one node"),
    ];

    public static Command Create(Shell shell)
    {
        var command = new Command("config", "Show or change the limits of moves and copies.") { Get(shell), Set(shell) };
        command.SetAction(shell.Run(ShowAsync));
        return command;
    }

    private static Command Get(Shell shell)
    {
        var command = new Command("get", "Show the settings.");
        command.SetAction(shell.Run(ShowAsync));
        return command;
    }

    private static Command Set(Shell shell)
    {
        var name = new Argument<string>("setting") { Description = string.Join(", ", Settings.Select(static setting => setting.Name)) + "." };
        var value = new Argument<int>("value") { Description = "The new value; takes effect on every node at once." };
        var command = new Command("set", "Change a setting.") { name, value };
        command.SetAction(shell.Change(async run =>
        {
            var wanted = run.Parsed.GetRequiredValue(name);
            var setting = Array.Find(Settings, each => each.Name == wanted)
                ?? throw new UsageException($"there is no setting '{wanted}'; there are {string.Join(", ", Settings.Select(static each => each.Name))}");
            await using var client = run.Connect();
            var config = await client.Administration.Calls.SetSchedulerConfigAsync(setting.Change(run.Parsed.GetValue(value)), run.Cancellation);
            await run.Console.Out.WriteLineAsync(FormattableString.Invariant($"{setting.Name} is {setting.Of(config)}."));
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static async Task<int> ShowAsync(Invocation run)
    {
        await using var client = run.Connect();
        var config = await client.Administration.Calls.GetSchedulerConfigAsync(run.Cancellation);
        var listing = new Listing("setting", "value", "means");
        foreach (var setting in Settings)
        {
            listing.Add(setting.Name, setting.Of(config), setting.Means);
        }

        listing.WriteTo(run.Console.Out, run.Format);
        if (config.CopyNote.Length > 0)
        {
            await run.Console.Error.WriteLineAsync($"kvctl: {config.CopyNote}");
        }

        return ExitCodes.Ok;
    }

    private sealed record Setting(string Name, Func<SchedulerConfig, int> Of, Func<int, SetSchedulerConfigRequest> Change, string Means);
}
