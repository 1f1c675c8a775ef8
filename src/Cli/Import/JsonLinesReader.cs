using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;

namespace KvRaft.Cli.Import;

/// <summary>
/// Reads what <c>kvctl export</c> writes: one object per line with <c>key</c> and <c>value</c> as text, or <c>key_base64</c> and
/// <c>value_base64</c>, and perhaps <c>expires_at_ms</c>. Other members are ignored.
/// </summary>
internal static class JsonLinesReader
{
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

    private static ImportRecord Read(byte[] line, long number)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
            {
                return ImportRecord.Malformed(number, "not a JSON object");
            }

            if (Bytes(root, "key") is not { } key)
            {
                return ImportRecord.Malformed(number, "no key or key_base64");
            }

            if (Bytes(root, "value") is not { } value)
            {
                return ImportRecord.Malformed(number, "no value or value_base64");
            }

            return ImportRecord.Of(number, key, value, root.TryGetProperty("expires_at_ms", out var end) ? end.GetInt64() : null);
        }
        catch (Exception fault) when (fault is JsonException or FormatException or InvalidOperationException)
        {
            return ImportRecord.Malformed(number, fault.Message);
        }
    }

    private static byte[]? Bytes(JsonElement root, string name) =>
        root.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? Encoding.UTF8.GetBytes(text.GetString()!)
        : root.TryGetProperty(name + "_base64", out var coded) && coded.ValueKind == JsonValueKind.String ? coded.GetBytesFromBase64()
        : null;
}
