using System.CommandLine;
using System.Globalization;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary><c>kvctl incr KEY [DELTA]</c>: prints the new number on standard output. Exit code 4 if a condition did not hold.</summary>
internal static class IncrCommand
{
    public static Command Create(Shell shell)
    {
        var key = Arguments.Key();
        var delta = new Argument<long>("delta") { Description = "The number to add; may be negative.", DefaultValueFactory = _ => 1 };
        var initial = new Option<long>("--initial") { Description = "The initial number of an absent key." };
        var min = new Option<long?>("--min") { Description = "Refuse a result below this number." };
        var max = new Option<long?>("--max") { Description = "Refuse a result above this number." };
        var ttl = Arguments.Ttl();
        var ifAbsent = Arguments.IfAbsent();
        var ifVersion = Arguments.IfVersion();
        var ifValue = Arguments.IfValue();
        var command = new Command("incr", "Add to a number.") { key, delta, initial, min, max, ttl, ifAbsent, ifVersion, ifValue };
        command.SetAction(shell.Change(async run =>
        {
            var options = new KvIncrementOptions
            {
                Initial = run.Parsed.GetValue(initial),
                Min = run.Parsed.GetValue(min),
                Max = run.Parsed.GetValue(max),
                Expiry = Arguments.Expiry(run.Parsed.GetValue(ttl)),
                Condition = Arguments.Condition(
                    run.Parsed.GetValue(ifAbsent), run.Parsed.GetValue(ifVersion), run.Parsed.GetValue(ifValue)),
            };
            await using var client = run.Connect();
            var result = await client.Keyspace().IncrementAsync(
                Arguments.Bytes(run.Parsed.GetRequiredValue(key)), run.Parsed.GetValue(delta), options, run.Cancellation);
            if (result.ConditionFailed)
            {
                await run.Console.Error.WriteLineAsync($"kvctl: {Arguments.Mismatch(result.Version)}");
                return ExitCodes.Mismatch;
            }

            await run.Console.Out.WriteLineAsync(run.IsJson
                ? string.Create(CultureInfo.InvariantCulture, $"{{\"value\":{result.Value},\"version\":{result.Version}}}")
                : result.Value.ToString(CultureInfo.InvariantCulture));
            return ExitCodes.Ok;
        }));
        return command;
    }
}
