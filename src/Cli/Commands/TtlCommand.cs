using System.CommandLine;
using System.Globalization;
using KvRaft.Cli.Output;
using KvRaft.Client;

namespace KvRaft.Cli.Commands;

/// <summary>
/// <c>kvctl ttl KEY</c> prints the remaining seconds of a value, or <c>never</c>; <c>kvctl ttl KEY 1h</c> and <c>--persist</c> change it.
/// </summary>
internal static class TtlCommand
{
    public static Command Create(Shell shell)
    {
        var key = Arguments.Key();
        var ttl = new Argument<TimeSpan?>("ttl")
        {
            Description = "The new time to live, e.g. 30s, 1h; without it, only show the current one.",
            Arity = ArgumentArity.ZeroOrOne,
            CustomParser = GlobalOptions.ParseDuration,
        };
        var persist = new Option<bool>("--persist") { Description = "Remove the expiry." };
        var command = new Command("ttl", "Show or change the expiry of a value.") { key, ttl, persist };
        command.SetAction(shell.Run(async run =>
        {
            var (given, forEver) = (run.Parsed.GetValue(ttl), run.Parsed.GetValue(persist));
            if (given is not null && forEver)
            {
                throw new UsageException("Give a time to live or --persist, not both.");
            }

            if (given is not null || forEver)
            {
                shell.DemandWrites();
            }

            await using var client = run.Connect();
            var bytes = Arguments.Bytes(run.Parsed.GetRequiredValue(key));
            var (found, end, left) = given is null && !forEver
                ? await ShowAsync(client, bytes, run.Cancellation)
                : await ChangeAsync(client, bytes, given, run.Cancellation);
            if (!found)
            {
                await run.Console.Error.WriteLineAsync("kvctl: no such key");
                return ExitCodes.NotFound;
            }

            await run.Console.Out.WriteLineAsync(Describe(end, left, run));
            return ExitCodes.Ok;
        }));
        return command;
    }

    // The remaining time comes from the clock of the shard, which decides the expiry; the clock of this machine may differ.
    private static async Task<(bool Found, DateTimeOffset? End, TimeSpan? Left)> ShowAsync(
        KvClient client, ReadOnlyMemory<byte> key, CancellationToken cancellationToken)
    {
        var result = await client.Keyspace().GetAsync(key, new KvReadOptions { HeadOnly = true }, cancellationToken);
        return (result.Found, result.Entry.ExpiresAt, result.Entry.ExpiresAt - result.ServerTime);
    }

    private static async Task<(bool Found, DateTimeOffset? End, TimeSpan? Left)> ChangeAsync(
        KvClient client, ReadOnlyMemory<byte> key, TimeSpan? timeToLive, CancellationToken cancellationToken)
    {
        var expiry = timeToLive is { } life ? KvExpiry.After(life) : KvExpiry.Never;
        var result = await client.Keyspace().TouchAsync(key, expiry, cancellationToken: cancellationToken);
        return (result.Found, result.ExpiresAt, timeToLive);
    }

    private static string Describe(DateTimeOffset? end, TimeSpan? left, Invocation run) =>
        run.IsJson
            ? JsonText.Write(writer =>
            {
                writer.WriteStartObject();
                writer.WritePropertyName("expires_at");
                JsonText.WriteValue(writer, EntryText.Instant(end));
                writer.WritePropertyName("ttl_ms");
                JsonText.WriteValue(writer, left is { } time ? (long)time.TotalMilliseconds : null);
                writer.WriteEndObject();
            })
            : left is { } seconds ? seconds.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture) : "never";
}
