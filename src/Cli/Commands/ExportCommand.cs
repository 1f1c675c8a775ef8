using System.CommandLine;
using System.Globalization;
using KvRaft.Cli.Output;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl export</c>: writes a keyspace as JSON lines that <c>kvctl import</c> reads. With <c>--node</c> every request goes to that node, which
/// forwards requests for shards that it does not lead; two nodes of a healthy cluster return the same lines.
/// </summary>
internal static class ExportCommand
{
    public static Command Create(Shell shell)
    {
        var prefix = new Option<string>("--prefix") { Description = "Only keys with this prefix.", DefaultValueFactory = _ => "" };
        var node = new Option<string?>("--node") { Description = "Send all requests to this node, host:port." };
        var command = new Command("export", "Write all keys and values as JSON lines.") { prefix, node };
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Parsed.GetValue(node) is { } endpoint ? run.ConnectTo(endpoint) : run.Connect();
            var options = new KvScanOptions { Prefix = Arguments.Bytes(run.Parsed.GetValue(prefix)!) };
            var count = 0L;
            await foreach (var pair in client.Keyspace().ScanAsync(options, run.Cancellation))
            {
                await run.Console.Out.WriteLineAsync(EntryText.Json(pair.Key, pair.Entry));
                count++;
            }

            await run.Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"exported {count} keys"));
            return ExitCodes.Ok;
        }));
        return command;
    }
}
