using System.Globalization;
using System.Text;

namespace KvRaft.Topology;

/// <summary>
/// The rule for text that an operator chooses freely and that others read in tables, logs and metrics: zones and addresses. It has no control character, no line end, no invisible
/// or unassigned character, and no space at an end, so that two texts that look the same are the same, and one line remains one line.
/// </summary>
public static class PrintableText
{
    /// <summary>What is wrong with a text, as the rest of a sentence about it; null if nothing is.</summary>
    /// <param name="text">The text; an empty one has no mistake.</param>
    /// <param name="lengthMax">The most characters (UTF-16 code units).</param>
    public static string? Mistake(string text, int lengthMax)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length > lengthMax)
        {
            return $"has more than {lengthMax} characters";
        }

        foreach (var rune in text.EnumerateRunes())
        {
            if (!IsPrintable(rune))
            {
                return FormattableString.Invariant($"has a character that is not printable (U+{rune.Value:X4})");
            }
        }

        return text.Length > 0 && (text[0] == ' ' || text[^1] == ' ') ? "begins or ends with a space" : null;
    }

    /// <summary>Half of a surrogate pair is read as the replacement character, which is no text either.</summary>
    private static bool IsPrintable(Rune rune) => rune != Rune.ReplacementChar
        && Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
                or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator => false,
            UnicodeCategory.SpaceSeparator => rune.Value == ' ',
            _ => true,
        };
}
