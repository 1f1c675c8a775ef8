using System.Text;

namespace KvRaft.Cli.Lines;

/// <summary>
/// Splits a typed line into words, quoted as in a Unix shell: blanks separate; <c>'...'</c> is literal; in <c>"..."</c> and outside of quotes a
/// backslash quotes the next character; <c>#</c> at the beginning of a word starts a comment. Nothing is expanded. Pure.
/// </summary>
internal static class LineWords
{
    /// <summary>The characters that need no quotes; for all others <see cref="Quote"/> adds quotes.</summary>
    private const string Bare = "-_./:=,@+{}[]*%";

    /// <exception cref="UsageException">A quote is not closed, or a backslash is the last character.</exception>
    public static IReadOnlyList<string> Split(string line)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var inWord = false;
        for (var i = 0; i < line.Length; i++)
        {
            switch (line[i])
            {
                case var blank when char.IsWhiteSpace(blank):
                    End();
                    break;
                case '#' when !inWord:
                    return words;
                case '\'' or '"':
                    inWord = true;
                    i = Quoted(line, i, word);
                    break;
                case '\\':
                    inWord = true;
                    word.Append(i + 1 < line.Length ? line[++i] : throw new UsageException("The line ends with a backslash."));
                    break;
                default:
                    inWord = true;
                    word.Append(line[i]);
                    break;
            }
        }

        End();
        return words;

        void End()
        {
            if (inWord)
            {
                words.Add(word.ToString());
                word.Clear();
                inWord = false;
            }
        }
    }

    /// <summary>The word in a form that <see cref="Split"/> reads as one word.</summary>
    public static string Quote(string word) =>
        word.Length > 0 && word.All(static letter => char.IsAsciiLetterOrDigit(letter) || Bare.Contains(letter, StringComparison.Ordinal))
            ? word
            : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    /// <summary>
    /// Appends the text between the quote at <paramref name="start"/> and its closing quote, and returns the position of the closing quote.
    /// </summary>
    private static int Quoted(string line, int start, StringBuilder word)
    {
        var quote = line[start];
        for (var i = start + 1; i < line.Length; i++)
        {
            if (line[i] == quote)
            {
                return i;
            }

            if (quote == '"' && line[i] == '\\' && i + 1 < line.Length)
            {
                i++;
            }

            word.Append(line[i]);
        }

        throw new UsageException($"A {quote} is not closed.");
    }
}
