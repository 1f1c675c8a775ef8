using System.Security.Cryptography;
using System.Text.Json;
using KvRaft.Cli.Output;

namespace KvRaft.Cli.Import;

/// <summary>
/// One line of an ack log: a write and the answer of the cluster.
/// <code>
/// {"key":"a/1/all","sha256":"9f86...","version":17}        acknowledged: it must never be lost
/// {"key":"a/1/all","sha256":"9f86...","unknown":true}      the outcome is unknown
/// </code>
/// A key that is not UTF-8 is written as <c>key_base64</c>.
/// </summary>
/// <param name="Version">0: the outcome is unknown.</param>
internal sealed record AckLine(ReadOnlyMemory<byte> Key, string Sha256, long Version)
{
    public bool IsAcknowledged => Version > 0;

    public static string Hash(ReadOnlySpan<byte> value) => Convert.ToHexStringLower(SHA256.HashData(value));

    public string ToJson() => JsonText.Write(writer =>
    {
        writer.WriteStartObject();
        JsonText.WriteBytes(writer, "key", Key.Span);
        writer.WriteString("sha256", Sha256);
        if (IsAcknowledged)
        {
            writer.WriteNumber("version", Version);
        }
        else
        {
            writer.WriteBoolean("unknown", true);
        }

        writer.WriteEndObject();
    });

    /// <returns>Null if the line is not valid; after a kill of the writer the last line may be incomplete.</returns>
    public static AckLine? Parse(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            var key = root.TryGetProperty("key", out var text)
                ? System.Text.Encoding.UTF8.GetBytes(text.GetString()!)
                : root.GetProperty("key_base64").GetBytesFromBase64();
            return new AckLine(key, root.GetProperty("sha256").GetString()!, root.TryGetProperty("version", out var version) ? version.GetInt64() : 0);
        }
        catch (Exception fault) when (fault is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }
}
