using System.Text.RegularExpressions;

namespace KvRaft.Tidy.Tests;

/// <summary>The comments of one project, measured against the rules of plain technical English: the subject of a sentence is the thing that acts.</summary>
/// <param name="Words">The number of words in its comments.</param>
/// <param name="Pronouns">Each personal pronoun that stands for a program or a component, with its line.</param>
/// <param name="Synonyms">Each private word for a term of the field, with its line.</param>
internal sealed partial record Wording(int Words, IReadOnlyList<string> Pronouns, IReadOnlyList<string> Synonyms)
{
    /// <summary>The limit of pronouns; etcd's raft package has 0.1.</summary>
    private const double PronounsPerThousandMax = 0.5;

    public bool HasTooManyPronouns => Pronouns.Count * 1000 > Words * PronounsPerThousandMax;

    public static Wording Of(IEnumerable<string> files)
    {
        var comments = files.SelectMany(static file => Comments(file, File.ReadLines(Path.Combine(Repository.Root, file)))).ToArray();
        return Of(comments);
    }

    /// <summary>The text of a Markdown page without its code.</summary>
    public static Wording OfPage(string file)
    {
        var isCode = false;
        var text = new List<(string Where, string Text)>();
        foreach (var (line, i) in File.ReadLines(Path.Combine(Repository.Root, file)).Select(static (line, i) => (line, i)))
        {
            isCode ^= line.StartsWith("```", StringComparison.Ordinal);
            if (!isCode)
            {
                text.Add(($"{file}:{i + 1}", Code().Replace(line, "it")));
            }
        }

        return Of(text);
    }

    /// <summary>The texts that a program prints: its string literals with a blank, without those that are names of wire formats or of files.</summary>
    public static Wording OfMessages(IEnumerable<string> files) =>
        Of([.. files.SelectMany(static file => MessagesOf(file, File.ReadLines(Path.Combine(Repository.Root, file))))]);

    internal static IEnumerable<(string Where, string Text)> MessagesOf(string file, IEnumerable<string> lines) => lines.SelectMany((line, i) =>
        Literal().Matches(Repository.WithoutComment(line)).Where(static literal => literal.Value.Contains(' ', StringComparison.Ordinal)).Select(literal => (Where: $"{file}:{i + 1}", Text: literal.Value)));

    /// <summary>The comments and messages of scripts, build files and programs in other languages: from a comment sign, or in quotes.</summary>
    public static Wording OfScripts(IEnumerable<string> files) =>
        Of([.. files.SelectMany(static file => ScriptTextOf(file, File.ReadLines(Path.Combine(Repository.Root, file))))]);

    internal static IEnumerable<(string Where, string Text)> ScriptTextOf(string file, IEnumerable<string> lines) => lines.SelectMany((line, i) =>
        ScriptText().Matches(line).Select(text => (Where: $"{file}:{i + 1}", Text: text.Value)));

    public static Wording Of(IReadOnlyCollection<(string Where, string Text)> comments) => new(
        comments.Sum(static comment => Word().Count(comment.Text)),
        [.. Matches(Pronoun(), comments)],
        [.. Matches(Synonym(), comments)]);

    private static IEnumerable<string> Matches(Regex what, IEnumerable<(string Where, string Text)> comments) =>
        comments.SelectMany(comment => what.Matches(comment.Text).Select(match => $"{comment.Where}: [{match.Value.Trim()}] {comment.Text}"));

    private static IEnumerable<(string Where, string Text)> Comments(string file, IEnumerable<string> lines) =>
        lines.Select((line, i) => (Where: $"{file}:{i + 1}", Text: Repository.CommentOf(line))).Where(static comment => comment.Text.Length > 0);

    [GeneratedRegex("`[^`]*`")]
    private static partial Regex Code();

    [GeneratedRegex("\"(?:[^\"\\\\]|\\\\.)*\"")]
    private static partial Regex Literal();

    [GeneratedRegex("(?<![$\\S])(#|//|<!--|\"\"\") ?.*$|\"(?:[^\"\\\\]|\\\\.)* (?:[^\"\\\\]|\\\\.)*\"")]
    private static partial Regex ScriptText();

    [GeneratedRegex("[A-Za-z']+")]
    private static partial Regex Word();

    [GeneratedRegex(
        @"\b(whoever|whomever|nobody|somebody|everybody)\b|\bthose who\b|(?:^|[.;:,(] ?)who\b|\bwho (?=is|was|are|has|have|can|does|asks|reads|writes)",
        RegexOptions.IgnoreCase)]
    private static partial Regex Pronoun();

    [GeneratedRegex(@"\b(beats?|heirs?|seats?|quiet|arcs?|keepers?|word of (a|the) majority)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Synonym();
}
