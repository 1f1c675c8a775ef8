using System.CommandLine;
using KvRaft.Cli.Import;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl import FILE...</c>: writes all records of the files and prints a summary. The import continues when leaders are lost: a record fails only
/// if it could not be written within the timeout. With <c>--verify</c> it writes nothing and compares instead.
/// </summary>
internal static class ImportCommand
{
    /// <summary>256 records at a time: enough to fill the messages of a pipe.</summary>
    public const int DefaultConcurrency = 256;

    /// <summary>The capacity of four full pipes.</summary>
    public const int ConcurrencyMax = 4096;

    /// <summary>60 s: much longer than an election; the import continues through the restart of a node.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(60);

    public static Command Create(Shell shell)
    {
        var files = new Argument<string[]>("file") { Description = "Files to read; - is standard input.", Arity = ArgumentArity.OneOrMore };
        var format = new Option<ImportFormat?>("--format")
        {
            Description = "deb822 (a Debian package index) or jsonl; default: by the name of the file.",
        };
        var concurrency = Concurrency();
        var ackLog = new Option<string?>("--ack-log") { Description = "Append every acknowledged key with its SHA-256 to this file." };
        var verify = new Option<bool>("--verify") { Description = "Write nothing; check that every record is in the store, byte for byte." };
        var command = new Command("import", "Write the records of files.") { files, format, concurrency, ackLog, verify };
        command.SetAction(shell.Run(async run =>
        {
            var records = ImportSource.ReadAsync(
                run.Parsed.GetRequiredValue(files), run.Parsed.GetValue(format), run.Console, run.Cancellation);
            var parallel = run.Parsed.GetValue(concurrency);
            if (run.Parsed.GetValue(verify))
            {
                return await VerifyCommand.RunAsync(run, await ExpectAsync(records, run.Console), run.Endpoints, parallel);
            }

            shell.DemandWrites();
            await using var client = run.Connect(DefaultTimeout);

            // One request first: if no node answers, that is reported once, not for every record.
            await client.Administration.Calls.GetRoutesAsync(run.Cancellation);
            await using var log = run.Parsed.GetValue(ackLog) is { } file ? new AckLog(file) : null;
            return await WriteAsync(run, client, records, parallel, log);
        }));
        return command;
    }

    public static Option<int> Concurrency()
    {
        var option = new Option<int>("--concurrency")
        {
            Description = "The number of concurrent requests.",
            DefaultValueFactory = _ => DefaultConcurrency,
        };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > ConcurrencyMax)
            {
                result.AddError(FormattableString.Invariant($"--concurrency: from 1 to {ConcurrencyMax}."));
            }
        });
        return option;
    }

    private static async Task<int> WriteAsync(
        Invocation run, KvClient client, IAsyncEnumerable<ImportRecord> records, int concurrency, AckLog? log)
    {
        var tally = new ImportTally();
        var startedAt = run.Console.Time.GetTimestamp();
        TimeSpan Elapsed() => run.Console.Time.GetElapsedTime(startedAt);
        try
        {
            await using var progress = new ProgressLine(run.Console, () => tally.Text(Elapsed()));
            await new Importer(client.Keyspace(), log, run.Console).RunAsync(records, concurrency, tally, run.Cancellation);
        }
        finally
        {
            await (run.IsJson
                ? run.Console.Out.WriteLineAsync(tally.Json(Elapsed()))
                : run.Console.Error.WriteLineAsync(tally.Text(Elapsed())));
        }

        return tally.ExitCode;
    }

    private static async Task<Expectations> ExpectAsync(IAsyncEnumerable<ImportRecord> records, CliConsole console)
    {
        var expectations = new Expectations();
        await foreach (var record in records)
        {
            if (record.Fault is { } fault)
            {
                await console.Error.WriteLineAsync($"kvctl: {fault}");
                continue;
            }

            expectations.Add(record);
        }

        return expectations;
    }
}
