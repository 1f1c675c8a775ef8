using System.CommandLine;
using KvRaft.Cli.Output;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl get KEY</c>: the value on standard output. Exit code 3 if there is none.</summary>
internal static class GetCommand
{
    public static Command Create(Shell shell)
    {
        var key = Arguments.Key();
        var raw = new Option<bool>("--raw") { Description = "The bytes of the value and nothing else, not even a newline." };
        var consistency = new Option<string>("--consistency")
        {
            Description = "linearizable, lease or any: what the read must see.",
            DefaultValueFactory = _ => "linearizable",
        };
        consistency.AcceptOnlyFromAmong("linearizable", "lease", "any");
        var command = new Command("get", "Read a value.") { key, raw, consistency };
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var bytes = Arguments.Bytes(run.Parsed.GetRequiredValue(key));
            var options = new KvReadOptions { Consistency = Named(run.Parsed.GetValue(consistency)!) };
            var result = await client.Keyspace().GetAsync(bytes, options, run.Cancellation);
            if (!result.Found)
            {
                await run.Console.Error.WriteLineAsync("kvctl: no such key");
                return ExitCodes.NotFound;
            }

            await WriteAsync(run, bytes, result.Entry, run.Parsed.GetValue(raw));
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static KvConsistency Named(string name) => name switch
    {
        "lease" => KvConsistency.LeaderLease,
        "any" => KvConsistency.Any,
        _ => KvConsistency.Linearizable,
    };

    private static async Task WriteAsync(Invocation run, ReadOnlyMemory<byte> key, KvEntry<ReadOnlyMemory<byte>> entry, bool raw)
    {
        if (!raw && run.Format == OutputFormat.Json)
        {
            await run.Console.Out.WriteLineAsync(EntryText.Json(key, entry));
            return;
        }

        await run.Console.WriteBytesAsync(entry.Value, run.Cancellation);
        if (!raw)
        {
            await run.Console.Out.WriteLineAsync();
        }
    }
}
