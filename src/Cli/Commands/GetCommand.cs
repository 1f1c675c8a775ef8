using System.CommandLine;
using KvRaft.Cli.Output;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl get KEY</c>: prints the value on standard output. Exit code 3 if the key is absent.</summary>
internal static class GetCommand
{
    public static Command Create(Shell shell)
    {
        var key = Arguments.Key();
        var raw = new Option<bool>("--raw") { Description = "Print only the bytes of the value, without a newline." };
        var consistency = new Option<string?>("--consistency")
        {
            Description = "What the read must see: linearizable (the default without --session), lease (served as linearizable) or any.",
        };
        consistency.AcceptOnlyFromAmong("linearizable", "lease", "any");
        var maxAge = GlobalOptions.Duration("--max-age", "Read from any replica whose data is provably at most this old, e.g. 500ms.");
        var atLeast = new Option<long?>("--at-least") { Description = "Read from any replica that has applied this version, as returned by a write to the same key." };
        var hedge = GlobalOptions.Duration("--hedge-after", "Send the read to a second node if the first has not answered after this time.");
        var explain = new Option<bool>("--explain") { Description = "Print, on standard error, which node answered and with which guarantee." };
        var command = new Command("get", "Read a value.") { key, raw, consistency, maxAge, atLeast, hedge, explain };
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var bytes = Arguments.Bytes(run.Parsed.GetRequiredValue(key));
            var options = new KvReadOptions
            {
                Consistency = Chosen(run.Parsed.GetValue(consistency), run.Parsed.GetValue(maxAge), run.Parsed.GetValue(atLeast)) ?? run.ConsistencyOf(client),
                HedgeAfter = run.Parsed.GetValue(hedge),
            };
            KvResult<ReadOnlyMemory<byte>> result;
            try
            {
                result = await client.Keyspace().GetAsync(bytes, options, run.Cancellation);
            }
            catch (KvException wrong) when (wrong.Reason == V1.ErrorReasons.WrongMode)
            {
                return await SiblingsCommand.GetAsync(run, client, bytes, run.Parsed.GetValue(raw));
            }

            if (run.Parsed.GetValue(explain))
            {
                await run.Console.Error.WriteLineAsync(Explanation(result));
            }

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

    /// <summary>Null: the command line sets no consistency.</summary>
    private static KvConsistency? Chosen(string? name, TimeSpan? maxAge, long? atLeast)
    {
        if ((name is null ? 0 : 1) + (maxAge is null ? 0 : 1) + (atLeast is null ? 0 : 1) > 1)
        {
            throw new UsageException("Give only one of --consistency, --max-age and --at-least.");
        }

        if (atLeast < 1)
        {
            throw new UsageException("--at-least: versions start at 1.");
        }

        return maxAge is { } age ? KvConsistency.Bounded(age)
            : atLeast is { } version ? KvConsistency.AtLeast(version)
            : name is null ? null : Named(name);
    }

    private static string Explanation(KvResult<ReadOnlyMemory<byte>> result)
    {
        var age = result.Staleness < TimeSpan.Zero ? "of unknown age" : FormattableString.Invariant($"at most {result.Staleness.TotalMilliseconds:0} ms old");
        return $"served by {result.ServedBy} ({(result.ServedByLeader ? "leader" : "follower")}), {result.Delivered}, {age}";
    }

    private static KvConsistency Named(string name) => name switch
    {
        "lease" => KvConsistency.LeaderLease,
        "any" => KvConsistency.Any,
        _ => KvConsistency.Linearizable,
    };

    private static async Task WriteAsync(Invocation run, ReadOnlyMemory<byte> key, KvEntry<ReadOnlyMemory<byte>> entry, bool raw)
    {
        if (!raw && run.IsJson)
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
