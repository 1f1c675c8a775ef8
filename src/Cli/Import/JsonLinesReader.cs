using System.Collections.Frozen;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace KvRaft.Cli.Import;

/// <summary>
/// Reads the output of <c>kvctl export</c>: one object per line with <c>key</c> and <c>value</c> as text, or <c>key_base64</c> and
/// <c>value_base64</c>, and optionally <c>expires_at_ms</c>. The <c>version</c> of an export is not imported. Any other member makes the line
/// malformed: a misspelt expiry would create a value that never expires.
/// </summary>
internal static class JsonLinesReader
{
    private static readonly FrozenSet<string> Members = FrozenSet.ToFrozenSet(["key", "key_base64", "value", "value_base64", "version", "expires_at_ms"], StringComparer.Ordinal);

    private static readonly JsonDocumentOptions Once = new() { AllowDuplicateProperties = false };

    public static async IAsyncEnumerable<ImportRecord> ReadAsync(
        Stream source, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var number = 0L;
        await foreach (var line in ByteLines.ReadAsync(source, cancellationToken))
        {
            number++;
            if (line.AsSpan().ContainsAnyExcept(" \t\r\n"u8))
            {
                yield return Read(line, number);
            }
        }
    }

    /// <summary>The last millisecond of the year 9999; the store refuses later times too (limits.expire_at_ms_max).</summary>
    private const long ExpiresAtMsMax = 253_402_300_799_999;

    private static ImportRecord Read(byte[] line, long number)
    {
        try
        {
            using var document = JsonDocument.Parse(line, Once);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                return ImportRecord.Malformed(number, "not a JSON object");
            }

            if (root.EnumerateObject().Where(static member => !Members.Contains(member.Name)).Select(static member => member.Name).FirstOrDefault() is { } unknown)
            {
                return ImportRecord.Malformed(number, $"unknown member '{unknown}'");
            }

            if (IsTwice(root, "key") || IsTwice(root, "value"))
            {
                return ImportRecord.Malformed(number, "key or value is given both as text and as base64");
            }

            if (Bytes(root, "key") is not { } key)
            {
                return ImportRecord.Malformed(number, "no key or key_base64");
            }

            if (Bytes(root, "value") is not { } value)
            {
                return ImportRecord.Malformed(number, "no value or value_base64");
            }

            if (!root.TryGetProperty("expires_at_ms", out var end))
            {
                return ImportRecord.Of(number, key, value);
            }

            return end.TryGetInt64(out var endMs) && endMs is > 0 and <= ExpiresAtMsMax
                ? ImportRecord.Of(number, key, value, endMs)
                : ImportRecord.Malformed(number, $"expires_at_ms is {end.GetRawText()}; allowed is from 1 to {ExpiresAtMsMax}");
        }
        catch (Exception fault) when (fault is JsonException or FormatException or InvalidOperationException)
        {
            return ImportRecord.Malformed(number, fault.Message);
        }
    }

    private static bool IsTwice(JsonElement root, string name) => root.TryGetProperty(name, out _) && root.TryGetProperty(name + "_base64", out _);

    private static byte[]? Bytes(JsonElement root, string name) =>
        root.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? Encoding.UTF8.GetBytes(text.GetString()!)
        : root.TryGetProperty(name + "_base64", out var coded) && coded.ValueKind == JsonValueKind.String ? coded.GetBytesFromBase64()
        : null;
}
