using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;

namespace KvRaft.Cli.Import;

/// <summary>
/// Reads Debian control data (deb822(5)), for example a package index: stanzas of <c>Field: value</c> lines, separated by blank lines; a line that
/// begins with a blank continues the field above; a line that begins with # is a comment. One stanza is one value, byte for byte with its last
/// newline and without the blank line; its key is <c>Package/Version/Architecture</c>.
/// </summary>
internal static class Deb822Reader
{
    private static readonly string[] KeyFields = ["Package", "Version", "Architecture"];

    public static async IAsyncEnumerable<ImportRecord> ReadAsync(
        Stream source, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var stanza = new Stanza(1);
        var number = 0L;
        await foreach (var line in ByteLines.ReadAsync(source, cancellationToken))
        {
            number++;
            if (!line.AsSpan().ContainsAnyExcept(" \t\r\n"u8))
            {
                if (stanza.ToRecord() is { } record)
                {
                    yield return record;
                }

                stanza = new Stanza(number + 1);
                continue;
            }

            stanza.Add(line, number);
        }

        if (stanza.ToRecord() is { } last)
        {
            yield return last;
        }
    }

    private sealed class Stanza(long firstLine)
    {
        private readonly ArrayBufferWriter<byte> _bytes = new();
        private readonly string?[] _key = new string?[KeyFields.Length];
        private bool _hasField;
        private string? _fault;

        public void Add(ReadOnlySpan<byte> line, long number)
        {
            _bytes.Write(line);
            if (line[0] is (byte)' ' or (byte)'\t' or (byte)'#')
            {
                return;
            }

            _hasField = true;
            var colon = line.IndexOf((byte)':');
            if (colon <= 0)
            {
                _fault ??= FormattableString.Invariant($"line {number} is neither a field nor a continuation");
                return;
            }

            var field = KeyFieldOf(line[..colon]);
            if (field >= 0)
            {
                _key[field] = Encoding.UTF8.GetString(line[(colon + 1)..]).Trim();
            }
        }

        /// <returns>Null if the stanza contains only comments.</returns>
        public ImportRecord? ToRecord()
        {
            if (!_hasField)
            {
                return null;
            }

            var missing = Array.FindIndex(_key, string.IsNullOrEmpty);
            return _fault is { } fault ? ImportRecord.Malformed(firstLine, fault)
                : missing >= 0 ? ImportRecord.Malformed(firstLine, $"the stanza has no {KeyFields[missing]}")
                : ImportRecord.Of(firstLine, Encoding.UTF8.GetBytes(string.Join('/', _key)), _bytes.WrittenSpan.ToArray());
        }

        // Field names are case-insensitive.
        private static int KeyFieldOf(ReadOnlySpan<byte> name)
        {
            for (var i = 0; i < KeyFields.Length; i++)
            {
                if (Ascii.EqualsIgnoreCase(name, KeyFields[i]))
                {
                    return i;
                }
            }

            return -1;
        }
    }
}
