using System.Globalization;
using System.Text;

namespace KvRaft.Node.Requests;

/// <summary>
/// Text of a client in an answer or a log line. It may be as long as a message, so it is cut to a limit before it is copied into other text. Pure.
/// </summary>
internal static class ClientText
{
    /// <summary>Bytes of one text that is quoted in a longer message.</summary>
    public const int QuotedBytesMax = 128;

    /// <summary>The note that replaces the end of a text has at most so many bytes.</summary>
    private const int NoteBytesMax = 40;

    /// <summary>A text from a request, short enough to be part of a message.</summary>
    public static string Quote(string text) => Cut(text, QuotedBytesMax);

    /// <summary>The beginning of a text and the number of characters that are left out; the text itself if it has at most <paramref name="bytesMax"/> bytes of UTF-8.</summary>
    /// <param name="text">Any text; its length has no limit, and no more of it is read than fits.</param>
    /// <param name="bytesMax">The limit of the result, at least <see cref="NoteBytesMax"/>.</param>
    public static string Cut(string text, int bytesMax)
    {
        if (text.Length <= bytesMax / 3)
        {
            // A UTF-16 code unit has at most three bytes of UTF-8.
            return text;
        }

        if (text.Length <= bytesMax && Encoding.UTF8.GetByteCount(text) <= bytesMax)
        {
            return text;
        }

        var kept = LengthWithin(text, bytesMax - NoteBytesMax);
        return string.Create(CultureInfo.InvariantCulture, $"{text.AsSpan(0, kept)}... ({text.Length - kept} characters left out)");
    }

    private static int LengthWithin(string text, int bytesMax)
    {
        var (length, bytes) = (0, 0);
        foreach (var rune in text.AsSpan(0, Math.Min(text.Length, bytesMax + 1)).EnumerateRunes())
        {
            bytes += rune.Utf8SequenceLength;
            if (bytes > bytesMax)
            {
                break;
            }

            length += rune.Utf16SequenceLength;
        }

        return length;
    }
}
