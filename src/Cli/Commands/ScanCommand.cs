using System.CommandLine;
using KvRaft.Cli.Output;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl scan [--prefix P]</c>: one line per key, shard by shard.</summary>
internal static class ScanCommand
{
    /// <summary>100: a screenful or two; whoever wants all says so.</summary>
    private const long DefaultLimit = 100;

    public static Command Create(Shell shell)
    {
        var prefix = new Option<string>("--prefix") { Description = "Only keys that begin so.", DefaultValueFactory = _ => "" };
        var limit = new Option<long>("--limit") { Description = "How many at most; 0: all.", DefaultValueFactory = _ => DefaultLimit };
        var keysOnly = new Option<bool>("--keys-only") { Description = "Leave the values out." };
        var shard = new Option<int?>("--shard") { Description = "Only this shard." };
        var command = new Command("scan", "List keys and values. Keys are in order within a shard only.") { prefix, limit, keysOnly, shard };
        command.SetAction(shell.Run(async run =>
        {
            var most = run.Parsed.GetValue(limit);
            if (most < 0)
            {
                throw new UsageException("--limit must not be negative.");
            }

            var withValue = !run.Parsed.GetValue(keysOnly);
            var options = new KvScanOptions
            {
                Prefix = Arguments.Bytes(run.Parsed.GetValue(prefix)!),
                Limit = most == 0 ? null : most,
                KeysOnly = !withValue,
                Shard = run.Parsed.GetValue(shard),
            };
            await using var client = run.Connect();
            await foreach (var pair in client.Keyspace().ScanAsync(options, run.Cancellation))
            {
                await run.Console.Out.WriteLineAsync(
                    run.Format == OutputFormat.Json ? EntryText.Json(pair.Key, pair.Entry, withValue)
                    : withValue ? $"{EntryText.Show(pair.Key.Span)}\t{EntryText.Show(pair.Value.Span)}"
                    : EntryText.Show(pair.Key.Span));
            }

            return ExitCodes.Ok;
        }));
        return command;
    }
}
