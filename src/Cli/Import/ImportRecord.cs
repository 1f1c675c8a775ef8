namespace KvRaft.Cli.Import;

/// <summary>One record of a source: a key and its value, or the reason why the record is invalid.</summary>
/// <param name="Line">The number of its first line, from 1.</param>
/// <param name="Key">The key.</param>
/// <param name="Value">The value.</param>
/// <param name="ExpiresAtMs">Milliseconds since the Unix epoch; null: never.</param>
internal sealed record ImportRecord(long Line, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, long? ExpiresAtMs, string? Fault)
{
    public static ImportRecord Of(long line, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value, long? expiresAtMs = null) =>
        new(line, key, value, expiresAtMs, Fault: null);

    public static ImportRecord Malformed(long line, string fault) => new(line, default, default, null, fault);
}
