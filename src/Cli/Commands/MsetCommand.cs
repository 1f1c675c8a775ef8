using System.CommandLine;
using System.Globalization;
using KvRaft.Cli.Output;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl mset KEY VALUE [KEY VALUE]...</c>: prints each key with its new version. Exit code 5 if some could not be written; with <c>--atomic</c>
/// either all are written or none.
/// </summary>
internal static class MsetCommand
{
    public static Command Create(Shell shell)
    {
        var words = new Argument<string[]>("pairs") { HelpName = "key value", Description = "Alternating keys and values, as text.", Arity = ArgumentArity.OneOrMore };
        var atomic = new Option<bool>("--atomic") { Description = "Atomically; the keys must be in one shard, for example with the same {tag}." };
        var ttl = Arguments.Ttl();
        var command = new Command("mset", "Write several values.") { words, atomic, ttl };
        command.SetAction(shell.Change(async run =>
        {
            var named = run.Parsed.GetRequiredValue(words);
            if (named.Length % 2 != 0)
            {
                throw new UsageException("The last key has no value.");
            }

            var expiry = Arguments.Expiry(run.Parsed.GetValue(ttl));
            var items = named.Chunk(2).Select(pair => new KvMultiSetItem<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>
            {
                Key = Arguments.Bytes(pair[0]),
                Value = Arguments.Bytes(pair[1]),
                Expiry = expiry,
            }).ToArray();
            if (named.Where((_, i) => i % 2 == 0).Distinct(StringComparer.Ordinal).Count() < items.Length)
            {
                throw new UsageException("A key is named twice.");
            }

            await using var client = run.Connect();
            var results = await client.Keyspace().MultiSetAsync(
                items, atomicity: run.Parsed.GetValue(atomic) ? KvAtomicity.Shard : KvAtomicity.None, cancellationToken: run.Cancellation);
            return await TellAsync(run, results);
        }));
        return command;
    }

    private static async Task<int> TellAsync(
        Invocation run, IReadOnlyList<KvMultiSetResult<ReadOnlyMemory<byte>, ReadOnlyMemory<byte>>> results)
    {
        var rows = new JsonRows(run.Console.Out, run.Format);
        foreach (var result in results)
        {
            var key = EntryText.Show(result.Key.Span);
            if (result.Error is { } error)
            {
                await run.Console.Error.WriteLineAsync($"kvctl: {key}: {error.Message}");
                continue;
            }

            await (run.IsJson
                ? rows.AddAsync(JsonText.Write(writer =>
                {
                    writer.WriteStartObject();
                    JsonText.WriteBytes(writer, "key", result.Key.Span);
                    writer.WriteNumber("version", result.Result.Version);
                    writer.WriteEndObject();
                }))
                : run.Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{key}\t{result.Result.Version}")));
        }

        if (run.IsJson)
        {
            await rows.EndAsync();
        }

        var failed = results.Where(static result => result.Error is not null).ToArray();
        return failed.Length == 0 ? ExitCodes.Ok
            : failed.Length < results.Count ? ExitCodes.Partial
            : Failures.CodeOf(failed[0].Error!);
    }
}
