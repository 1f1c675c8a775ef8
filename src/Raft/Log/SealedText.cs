using System.Globalization;
using System.Text;

namespace KvRaft.Raft.Log;

/// <summary>
/// A text file that ends with a line for the checksum of all lines before: a flipped bit in a name or a number leaves a text that still parses.
/// <code>
///  ...
///  crc32c 9a8b7c6d            CRC-32C of the bytes before this line, in hexadecimal
/// </code>
/// </summary>
public static class SealedText
{
    private const string Name = "crc32c ";

    /// <param name="text">Whole lines.</param>
    public static string Seal(string text) => text + Line(text);

    /// <summary>The lines before the checksum; null: it is missing or wrong.</summary>
    public static string? TryOpen(string sealedText)
    {
        var end = sealedText.LastIndexOf(Name, StringComparison.Ordinal);
        return end >= 0 && sealedText[..end] is var text && sealedText[end..] == Line(text) ? text : null;
    }

    private static string Line(string text) => string.Create(CultureInfo.InvariantCulture, $"{Name}{Crc32C.Of(Encoding.UTF8.GetBytes(text)):x8}\n");
}
