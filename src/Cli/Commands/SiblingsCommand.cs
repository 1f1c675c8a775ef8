using System.CommandLine;
using System.Globalization;
using KvRaft.Cli.Output;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary>
/// Keys of eventual keyspaces. <c>kvctl siblings show KEY</c>: every current value with its time, and the context. <c>kvctl siblings resolve KEY
/// VALUE</c>: replaces all current values with one. <c>kvctl siblings top</c>: the keys with the most values. <c>get</c> and <c>put</c> work too: get
/// prints one value per line, put replaces the values that it reads first.
/// </summary>
internal static class SiblingsCommand
{
    public static Command Create(Shell shell) => new(Failures.SiblingsVerb, "Siblings: concurrent values of an eventual key.") { Show(shell), Resolve(shell), Top(shell) };

    /// <summary><c>kvctl get</c> on an eventual keyspace.</summary>
    public static async Task<int> GetAsync(Invocation run, KvClient client, ReadOnlyMemory<byte> key, bool raw)
    {
        var found = await client.Eventual.Keyspace(run.Keyspace).GetAsync(key, null, run.Cancellation);
        if (found.Items.Count == 0)
        {
            await run.Console.Error.WriteLineAsync("kvctl: no such key");
            return ExitCodes.NotFound;
        }

        if (!raw && run.Format == OutputFormat.Json)
        {
            await WriteJsonAsync(run, key, found);
            return ExitCodes.Ok;
        }

        foreach (var value in found.Values)
        {
            await run.Console.WriteBytesAsync(value, run.Cancellation);
            if (!raw)
            {
                await run.Console.Out.WriteLineAsync();
            }
        }

        if (found.Items.Count > 1)
        {
            await run.Console.Error.WriteLineAsync($"kvctl: the key has {found.Items.Count} siblings; see kvctl siblings");
        }

        return ExitCodes.Ok;
    }

    /// <summary><c>kvctl put</c> on an eventual keyspace: replaces the current values.</summary>
    public static async Task<int> PutAsync(Invocation run, KvClient client, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, TimeSpan? timeToLive)
    {
        var keyspace = client.Eventual.Keyspace(run.Keyspace);
        var found = await keyspace.GetAsync(key, null, run.Cancellation);
        var options = timeToLive is { } ttl ? new KvEventualOptions { TimeToLive = ttl } : null;
        var written = await keyspace.PutAsync(key, value, found.Context, options, run.Cancellation);
        await run.Console.Out.WriteLineAsync(run.Format == OutputFormat.Json
            ? string.Create(CultureInfo.InvariantCulture, $"{{\"replaced\":{found.Items.Count},\"siblings\":{written.Siblings},\"answered\":{written.Quorum.Answered}}}")
            : string.Create(CultureInfo.InvariantCulture, $"replaced {found.Items.Count}; current values: {written.Siblings}"));
        return ExitCodes.Ok;
    }

    private static Command Show(Shell shell)
    {
        var key = Arguments.Key();
        var command = new Command("show", "Show every current value.") { key };
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var bytes = Arguments.Bytes(run.Parsed.GetRequiredValue(key));
            var found = await client.Eventual.Keyspace(run.Keyspace).GetAsync(bytes, null, run.Cancellation);
            if (run.Format == OutputFormat.Json)
            {
                await WriteJsonAsync(run, bytes, found);
            }
            else
            {
                var listing = new Listing("value", "written_at", "expires_at");
                foreach (var item in found.Items)
                {
                    listing.Add(EntryText.Show(item.Value.Span), EntryText.Instant(item.WrittenAt), EntryText.Instant(item.ExpiresAt));
                }

                listing.WriteTo(run.Console.Out, run.Format);
            }

            return found.Items.Count == 0 ? ExitCodes.NotFound : ExitCodes.Ok;
        }));
        return command;
    }

    private static Command Resolve(Shell shell)
    {
        var key = Arguments.Key();
        var value = new Argument<string>("value") { Description = "The value that replaces all current values, as text; - reads bytes from standard input." };
        var command = new Command("resolve", "Replace all current values with one.") { key, value };
        command.SetAction(shell.Change(async run =>
        {
            var text = run.Parsed.GetRequiredValue(value);
            var bytes = text == "-" ? await run.Console.ReadInputAsync(run.Cancellation) : Arguments.Bytes(text);
            await using var client = run.Connect();
            return await PutAsync(run, client, Arguments.Bytes(run.Parsed.GetRequiredValue(key)), bytes, timeToLive: null);
        }));
        return command;
    }

    private static Command Top(Shell shell)
    {
        var count = new Option<int>("--count") { Description = "The number of keys.", DefaultValueFactory = _ => 10 };
        var command = new Command("top", "Show the keys with the most siblings.") { count };
        command.SetAction(shell.Run(async run =>
        {
            await using var client = run.Connect();
            var (wanted, found) = (run.Parsed.GetValue(count), new Dictionary<string, CrowdedKey>(StringComparer.Ordinal));
            foreach (var route in (await client.Administration.Calls.GetRoutesAsync(run.Cancellation)).Nodes)
            {
                foreach (var key in (await client.Administration.Calls.GetTopSiblingsAsync(route.Endpoint, run.Keyspace, wanted, run.Timeout, run.Cancellation)).Keys)
                {
                    // Several nodes hold each key; if their counts differ for a moment, the highest one is listed.
                    var name = EntryText.Show(key.Key.Span);
                    if (!found.TryGetValue(name, out var other) || other.Siblings < key.Siblings)
                    {
                        found[name] = key;
                    }
                }
            }

            var listing = new Listing("key", "siblings", "bytes");
            foreach (var (name, key) in found.OrderByDescending(static pair => pair.Value.Siblings).ThenBy(static pair => pair.Key, StringComparer.Ordinal).Take(wanted))
            {
                listing.Add(name, key.Siblings, key.Bytes);
            }

            listing.WriteTo(run.Console.Out, run.Format);
            return ExitCodes.Ok;
        }));
        return command;
    }

    private static Task WriteJsonAsync(Invocation run, ReadOnlyMemory<byte> key, KvSiblings<ReadOnlyMemory<byte>> found) =>
        run.Console.Out.WriteLineAsync(JsonText.Write(writer =>
        {
            writer.WriteStartObject();
            JsonText.WriteBytes(writer, "key", key.Span);
            writer.WriteStartArray("siblings");
            foreach (var item in found.Items)
            {
                writer.WriteStartObject();
                JsonText.WriteBytes(writer, "value", item.Value.Span);
                writer.WriteNumber("written_at_ms", item.WrittenAt.ToUnixTimeMilliseconds());
                if (item.ExpiresAt is { } end)
                {
                    writer.WriteNumber("expires_at_ms", end.ToUnixTimeMilliseconds());
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteBase64String("context", found.Context.Bytes.Span);
            writer.WriteNumber("answered", found.Quorum.Answered);
            writer.WriteBoolean("overlaps", found.Quorum.Overlaps);
            writer.WriteEndObject();
        }));
}
