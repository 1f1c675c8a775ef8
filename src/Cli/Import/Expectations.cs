using System.Runtime.InteropServices;
using System.Text;

namespace KvRaft.Cli.Import;

/// <summary>
/// The expected content of the store after some writes, by key: the last acknowledged value, or the value of a write with an unknown outcome, which
/// may have been applied later. Values are stored as their SHA-256.
/// </summary>
internal sealed class Expectations
{
    private readonly Dictionary<string, Expected> _keys = new(StringComparer.Ordinal);

    public int Count => _keys.Count;

    /// <summary>Keys of which at least one write was acknowledged: they must exist.</summary>
    public IEnumerable<Expected> Keys => _keys.Values.Where(static expected => expected.Acknowledged is not null);

    public void Add(AckLine line)
    {
        var expected = Of(line.Key);
        if (!line.IsAcknowledged)
        {
            expected.Possible.Add(line.Sha256);
        }
        else if (line.Version > expected.Version)
        {
            (expected.Acknowledged, expected.Version) = (line.Sha256, line.Version);
        }
    }

    /// <summary>
    /// Adds a record of a source. If a key occurs more than once, each of its values is accepted, because they were written concurrently.
    /// </summary>
    public void Add(ImportRecord record)
    {
        var expected = Of(record.Key);
        var hash = AckLine.Hash(record.Value.Span);
        expected.Acknowledged ??= hash;
        expected.Possible.Add(hash);
    }

    public static async Task<Expectations> OfAckLogAsync(Stream log, CliConsole console, CancellationToken cancellationToken)
    {
        var expectations = new Expectations();
        var number = 0L;
        await foreach (var line in ByteLines.ReadAsync(log, cancellationToken))
        {
            number++;
            if (AckLine.Parse(line) is { } ack)
            {
                expectations.Add(ack);
            }
            else
            {
                await console.Error.WriteLineAsync(FormattableString.Invariant($"kvctl: line {number} of the ack log is damaged and skipped"));
            }
        }

        return expectations;
    }

    private Expected Of(ReadOnlyMemory<byte> key)
    {
        // Latin-1 maps each byte to one character, so that any key can be a dictionary key.
        ref var slot = ref CollectionsMarshal.GetValueRefOrAddDefault(_keys, Encoding.Latin1.GetString(key.Span), out _);
        return slot ??= new Expected(key);
    }
}

internal sealed class Expected(ReadOnlyMemory<byte> key)
{
    public ReadOnlyMemory<byte> Key { get; } = key;

    public string? Acknowledged { get; set; }

    public long Version { get; set; }

    public HashSet<string> Possible { get; } = [];

    public bool Allows(string sha256) => sha256 == Acknowledged || Possible.Contains(sha256);
}
