using System.CommandLine;
using KvRaft.Cli.Output;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl scan [--prefix P]</c>: prints one line per key, shard by shard, or in the order of keys with <c>--ordered</c>.</summary>
internal static class ScanCommand
{
    /// <summary>100: one or two screens; <c>--limit 0</c> lists all keys.</summary>
    private const long DefaultLimit = 100;

    public static Command Create(Shell shell)
    {
        var (prefix, start, end) = (Arguments.Prefix(), Arguments.Start(), Arguments.End());
        var limit = new Option<long>("--limit") { Description = "The maximum number of keys; 0: all.", DefaultValueFactory = _ => DefaultLimit };
        var keysOnly = new Option<bool>("--keys-only") { Description = "Omit the values." };
        var shard = new Option<int?>("--shard") { Description = "Only this shard." };
        var ordered = new Option<bool>("--ordered") { Description = "In key order over all shards." };
        var reverse = new Option<bool>("--reverse") { Description = "In descending key order: of each shard, or of all shards with --ordered." };
        var command = new Command("scan", "List keys and values. Keys are ordered within a shard only, unless --ordered is given.")
        {
            prefix, start, end, limit, keysOnly, shard, ordered, reverse,
        };
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
                Start = Arguments.Bytes(run.Parsed.GetValue(start)!),
                End = Arguments.Bytes(run.Parsed.GetValue(end)!),
                Ordered = run.Parsed.GetValue(ordered),
                Reverse = run.Parsed.GetValue(reverse),
                Limit = most == 0 ? null : most,
                KeysOnly = !withValue,
                Shard = run.Parsed.GetValue(shard),
            };
            await using var client = run.Connect();
            options = options with { Consistency = run.ConsistencyOf(client) };
            var rows = new JsonRows(run.Console.Out, run.Format);
            await foreach (var pair in client.Keyspace().ScanAsync(options, run.Cancellation))
            {
                await (run.IsJson ? rows.AddAsync(EntryText.Json(pair.Key, pair.Entry, withValue))
                    : run.Console.Out.WriteLineAsync(withValue
                        ? $"{EntryText.Show(pair.Key.Span)}\t{EntryText.Show(pair.Value.Span)}"
                        : EntryText.Show(pair.Key.Span)));
            }

            if (run.IsJson)
            {
                await rows.EndAsync();
            }

            return ExitCodes.Ok;
        }));
        return command;
    }
}
