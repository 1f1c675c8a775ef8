using System.CommandLine;
using System.Globalization;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl put KEY VALUE|-</c>: prints the new version on standard output. Exit code 4 if a condition did not hold.</summary>
internal static class PutCommand
{
    public static Command Create(Shell shell)
    {
        var key = Arguments.Key();
        var value = new Argument<string>("value") { Description = "The value as text; - reads bytes from standard input." };
        var ttl = Arguments.Ttl();
        var ifAbsent = Arguments.IfAbsent();
        var ifVersion = Arguments.IfVersion();
        var ifValue = Arguments.IfValue();
        var command = new Command("put", "Write a value.") { key, value, ttl, ifAbsent, ifVersion, ifValue };
        command.SetAction(shell.Change(async run =>
        {
            var options = new KvWriteOptions
            {
                Expiry = Arguments.Expiry(run.Parsed.GetValue(ttl)),
                Condition = Arguments.Condition(
                    run.Parsed.GetValue(ifAbsent), run.Parsed.GetValue(ifVersion), run.Parsed.GetValue(ifValue)),
            };
            var text = run.Parsed.GetRequiredValue(value);
            var bytes = text == "-" ? await run.Console.ReadInputAsync(run.Cancellation) : Arguments.Bytes(text);
            await using var client = run.Connect();
            KvWriteResult<ReadOnlyMemory<byte>> result;
            try
            {
                result = await client.Keyspace().PutAsync(Arguments.Bytes(run.Parsed.GetRequiredValue(key)), bytes, options, run.Cancellation);
            }
            catch (KvException wrong) when (wrong.Reason == V1.ErrorReasons.WrongMode)
            {
                return options.Condition is null
                    ? await SiblingsCommand.PutAsync(run, client, Arguments.Bytes(run.Parsed.GetRequiredValue(key)), bytes, run.Parsed.GetValue(ttl))
                    : throw new UsageException("An eventual keyspace has no conditional writes.");
            }

            if (!result.Applied)
            {
                await run.Console.Error.WriteLineAsync($"kvctl: {Arguments.Mismatch(result.Current)}");
                return ExitCodes.Mismatch;
            }

            await run.Console.Out.WriteLineAsync(run.IsJson
                ? string.Create(CultureInfo.InvariantCulture, $"{{\"version\":{result.Version}}}")
                : result.Version.ToString(CultureInfo.InvariantCulture));
            return ExitCodes.Ok;
        }));
        return command;
    }
}
