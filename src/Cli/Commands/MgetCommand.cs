using System.CommandLine;
using KvRaft.Cli.Output;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl mget KEY...</c>: prints one line per key. Exit code 3 if no key was found, 5 if some were not found or not read.</summary>
internal static class MgetCommand
{
    public static Command Create(Shell shell)
    {
        var keys = new Argument<string[]>("key") { Description = "The keys, as text.", Arity = ArgumentArity.OneOrMore };
        var command = new Command("mget", "Read several values.") { keys };
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var named = run.Parsed.GetRequiredValue(keys).Select(Arguments.Bytes);
            var items = await client.Keyspace().MultiGetAsync(named, new KvReadOptions { Consistency = run.ConsistencyOf(client) }, run.Cancellation);
            var found = 0;
            var failed = 0;
            var rows = new JsonRows(run.Console.Out, run.Format);
            foreach (var item in items)
            {
                if (item.Error is { } error)
                {
                    failed++;
                    await run.Console.Error.WriteLineAsync($"kvctl: {EntryText.Show(item.Key.Span)}: {error.Message}");
                    continue;
                }

                found += item.Result.Found ? 1 : 0;
                await (run.IsJson
                    ? rows.AddAsync(EntryText.Json(item.Key, item.Result.Found ? item.Result.Entry : null))
                    : run.Console.Out.WriteLineAsync($"{EntryText.Show(item.Key.Span)}\t{(item.Result.Found ? EntryText.Show(item.Result.Value.Span) : "")}"));
            }

            if (run.IsJson)
            {
                await rows.EndAsync();
            }

            return found == items.Count ? ExitCodes.Ok
                : found > 0 ? ExitCodes.Partial
                : failed > 0 ? Failures.CodeOf(items.First(item => item.Error is not null).Error!)
                : ExitCodes.NotFound;
        }));
        return command;
    }
}
