using System.CommandLine;
using System.Globalization;
using KvRaft.Cli.Lines;
using KvRaft.Cli.Output;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl txn --when 'KEY version 3' --then 'put KEY x' --else 'get KEY'</c>: prints one line for each executed operation. Exit code 4 if a
/// condition did not hold; then the operations of --else were executed.
/// </summary>
internal static class TxnCommand
{
    public static Command Create(Shell shell)
    {
        var when = Lines("--when", "A condition: KEY absent, KEY present, KEY version N or KEY value TEXT. May be repeated; all must hold.");
        var then = Lines("--then", "An operation if all conditions hold: get KEY, put KEY VALUE [TTL], del KEY or incr KEY [DELTA]. May be repeated.");
        var otherwise = Lines("--else", "An operation if a condition does not hold. May be repeated.");
        var command = new Command("txn", "Run several operations on keys of one shard atomically.") { when, then, otherwise };
        command.SetAction(shell.Change(async run =>
        {
            await using var client = run.Connect();
            var transaction = client.Keyspace().Transaction();
            foreach (var words in Words(run, when))
            {
                var condition = Condition(words);
                transaction.When(Arguments.Bytes(words[0]), condition);
            }

            var done = Words(run, then);
            var instead = Words(run, otherwise);
            if (done.Count + instead.Count == 0)
            {
                throw new UsageException("Give at least one operation: --then or --else.");
            }

            done.ForEach(words => Add(transaction.Then, words));
            instead.ForEach(words => Add(transaction.Otherwise, words));
            var result = await transaction.CommitAsync(cancellationToken: run.Cancellation);
            await TellAsync(run, result, result.Succeeded ? done : instead);
            return result.Succeeded ? ExitCodes.Ok : ExitCodes.Mismatch;
        }));
        return command;
    }

    private static Option<string[]> Lines(string name, string description) => new(name) { Description = description, DefaultValueFactory = _ => [] };

    private static List<IReadOnlyList<string>> Words(Invocation run, Option<string[]> option) =>
        [.. run.Parsed.GetValue(option)!.Select(LineWords.Split)];

    private static KvCondition Condition(IReadOnlyList<string> words) => words switch
    {
        [_, "absent"] => KvCondition.Absent,
        [_, "present"] => KvCondition.Present,
        [_, "version", var number] when long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var version) => KvCondition.VersionIs(version),
        [_, "value", var text] => KvCondition.ValueIs(Arguments.Bytes(text)),
        _ => throw new UsageException($"'{string.Join(' ', words)}' is not a condition: KEY absent, KEY present, KEY version N or KEY value TEXT."),
    };

    private static void Add(KvTransaction<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>.Branch branch, IReadOnlyList<string> words)
    {
        switch (words)
        {
            case ["get", var key]:
                branch.Get(Arguments.Bytes(key));
                break;
            case ["put", var key, var value]:
                branch.Put(Arguments.Bytes(key), Arguments.Bytes(value));
                break;
            case ["put", var key, var value, var life] when DurationText.TryParse(life, out var ttl) && ttl > TimeSpan.Zero:
                branch.Put(Arguments.Bytes(key), Arguments.Bytes(value), KvExpiry.After(ttl));
                break;
            case ["del", var key]:
                branch.Delete(Arguments.Bytes(key));
                break;
            case ["incr", var key]:
                branch.Increment(Arguments.Bytes(key));
                break;
            case ["incr", var key, var number] when long.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var delta):
                branch.Increment(Arguments.Bytes(key), delta);
                break;
            default:
                throw new UsageException($"'{string.Join(' ', words)}' is not an operation: get KEY, put KEY VALUE [TTL], del KEY or incr KEY [DELTA].");
        }
    }

    private static async Task TellAsync(
        Invocation run, KvTransactionResult<ReadOnlyMemory<byte>> result, List<IReadOnlyList<string>> operations)
    {
        if (run.IsJson)
        {
            await run.Console.Out.WriteLineAsync(Json(result, operations));
            return;
        }

        foreach (var (words, item) in operations.Zip(result.Items))
        {
            await run.Console.Out.WriteLineAsync(words[0] switch
            {
                "get" => item.Found ? EntryText.Show(item.Entry!.Value.Value.Span) : "",
                "incr" => item.Number.ToString(CultureInfo.InvariantCulture),
                _ => result.Version.ToString(CultureInfo.InvariantCulture),
            });
        }
    }

    private static string Json(KvTransactionResult<ReadOnlyMemory<byte>> result, List<IReadOnlyList<string>> operations) => JsonText.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteBoolean("succeeded", result.Succeeded);
        writer.WriteNumber("version", result.Version);
        writer.WriteStartArray("results");
        foreach (var (words, item) in operations.Zip(result.Items))
        {
            writer.WriteStartObject();
            writer.WriteString("operation", words[0]);
            if (words[0] == "incr")
            {
                writer.WriteNumber("value", item.Number);
            }
            else if (words[0] == "get" && item.Entry is { } entry)
            {
                EntryText.WriteMembers(writer, entry, withValue: true);
            }

            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    });
}
