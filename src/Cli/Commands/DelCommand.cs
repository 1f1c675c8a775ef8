using System.CommandLine;
using System.Globalization;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl del KEY...</c>: prints the number of deleted keys on standard output. An absent key is not an error.</summary>
internal static class DelCommand
{
    public static Command Create(Shell shell)
    {
        var keys = new Argument<string[]>("key") { Description = "The keys, as text.", Arity = ArgumentArity.OneOrMore };
        var ifVersion = Arguments.IfVersion();
        var ifValue = Arguments.IfValue();
        var command = new Command("del", "Delete keys.") { keys, ifVersion, ifValue };
        command.SetAction(shell.Change(async run =>
        {
            var options = new KvWriteOptions
            {
                Condition = Arguments.Condition(false, run.Parsed.GetValue(ifVersion), run.Parsed.GetValue(ifValue)),
            };
            var named = run.Parsed.GetRequiredValue(keys);
            if (options.Condition is not null && named.Length > 1)
            {
                throw new UsageException("A condition needs exactly one key.");
            }

            await using var client = run.Connect();
            var existed = 0;
            foreach (var key in named)
            {
                var result = await client.Keyspace().DeleteAsync(Arguments.Bytes(key), options, run.Cancellation);
                if (!result.Applied)
                {
                    await run.Console.Error.WriteLineAsync($"kvctl: {Arguments.Mismatch(result.Current)}");
                    return ExitCodes.Mismatch;
                }

                existed += result.Existed ? 1 : 0;
            }

            await run.Console.Out.WriteLineAsync(run.IsJson
                ? string.Create(CultureInfo.InvariantCulture, $"{{\"deleted\":{existed}}}")
                : existed.ToString(CultureInfo.InvariantCulture));
            return ExitCodes.Ok;
        }));
        return command;
    }
}
