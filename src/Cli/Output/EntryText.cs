using System.Globalization;
using System.Text.Json;
using KvRaft.Client;

namespace KvRaft.Cli.Output;

/// <summary>A key with its value, as a line of JSON.</summary>
internal static class EntryText
{
    public static string Json(ReadOnlyMemory<byte> key, KvEntry<ReadOnlyMemory<byte>>? entry, bool withValue = true) => JsonText.Write(writer =>
    {
        writer.WriteStartObject();
        JsonText.WriteBytes(writer, "key", key.Span);
        if (entry is { } known)
        {
            WriteMembers(writer, known, withValue);
        }

        writer.WriteEndObject();
    });

    public static void WriteMembers(Utf8JsonWriter writer, KvEntry<ReadOnlyMemory<byte>> entry, bool withValue)
    {
        if (withValue)
        {
            JsonText.WriteBytes(writer, "value", entry.Value.Span);
        }

        writer.WriteNumber("version", entry.Version);
        if (entry.ExpiresAt is { } end)
        {
            writer.WriteNumber("expires_at_ms", end.ToUnixTimeMilliseconds());
        }
    }

    /// <summary>UTF-8 text as it is, other bytes as base64 with a prefix.</summary>
    public static string Show(ReadOnlySpan<byte> bytes) =>
        JsonText.TryText(bytes, out var text) ? text : "base64:" + Convert.ToBase64String(bytes);

    /// <summary>A time from a node in Unix milliseconds, limited to the range of .NET.</summary>
    public static DateTimeOffset Moment(long unixMs) => DateTimeOffset.FromUnixTimeMilliseconds(
        Math.Clamp(unixMs, DateTimeOffset.MinValue.ToUnixTimeMilliseconds(), DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()));

    public static string? Instant(DateTimeOffset? instant) =>
        instant?.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
}
