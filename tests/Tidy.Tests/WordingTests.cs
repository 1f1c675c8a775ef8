namespace KvRaft.Tidy.Tests;

/// <summary>Comments are plain technical English: no personal pronouns for programs, and the terms of the glossary in ARCHITECTURE.md.</summary>
public class WordingTests
{
    private static readonly Dictionary<string, Wording> Projects = Repository.Files
        .Where(static file => Path.GetExtension(file) is ".cs" or ".proto" && Repository.IsUnder(file, "src", "tests", "chaos"))
        .Where(static file => !Repository.IsUnder(file, "src/Contracts/Protos/google"))
        .GroupBy(static file => string.Join('/', file.Split('/').Take(2)), StringComparer.Ordinal)
        .ToDictionary(static project => project.Key, Wording.Of, StringComparer.Ordinal);

    private static readonly Wording[] Pages = [.. Repository.Files.Where(static file => file.EndsWith(".md", StringComparison.Ordinal)).Select(Wording.OfPage)];

    private static readonly Wording Scripts = Wording.OfScripts(Repository.Files.Where(static file =>
        Path.GetExtension(file) is ".sh" or ".py" or ".js" or ".c" or ".yml" or ".yaml" or ".props" or ".csproj" or ".editorconfig" || (Path.GetFileName(file).IndexOf('.', StringComparison.Ordinal) < 0 && file != "LICENSE")));

    private static readonly Wording Messages = Wording.OfMessages(Repository.CSharp("src", "chaos"));

    [Fact]
    public void A_program_is_not_a_person() =>
        Findings.AssertNone(
            Projects.Where(static project => project.Value.HasTooManyPronouns).SelectMany(static project => project.Value.Pronouns),
            "More than 0.5 pronouns per 1,000 words of comment in a project: name the thing that acts");

    [Fact]
    public void A_page_names_the_thing_that_acts() =>
        Findings.AssertNone(
            Pages.SelectMany(static page => page.Pronouns.Concat(page.Synonyms)),
            "A pronoun for a program, or a private word for a term, in a Markdown page");

    [Fact]
    public void A_message_names_the_thing_that_acts() =>
        Findings.AssertNone(Messages.Pronouns.Concat(Messages.Synonyms), "A pronoun for a program, or a private word for a term, in a message");

    [Fact]
    public void A_script_names_the_thing_that_acts()
    {
        Assert.NotEqual(0, Scripts.Words);
        Findings.AssertNone(Scripts.Pronouns.Concat(Scripts.Synonyms), "A pronoun for a program, or a private word for a term, in a script or a build file");
    }

    [Fact]
    public void A_term_has_one_name() =>
        Findings.AssertNone(
            Projects.SelectMany(static project => project.Value.Synonyms),
            "Write: heartbeat interval, successor candidate, group-0 voters, quiesced, token range, replica holder, quorum confirmation");

    [Theory]
    [InlineData("The leader answers, whoever sent the request.", 1, 0)]
    [InlineData("Who writes first wins.", 1, 0)]
    [InlineData("A read waits; nobody reads and somebody writes.", 2, 0)]
    [InlineData("The node that leads the shard answers.", 0, 0)]
    [InlineData("It misses a beat of the heir.", 0, 2)]
    [InlineData("One heartbeat interval; the successor candidate has a seat.", 0, 1)]
    [InlineData("SeatRules and ArcRepair are names of types.", 0, 0)]
    public void Counts_pronouns_and_synonyms(string comment, int pronouns, int synonyms)
    {
        var wording = Wording.Of([("here", comment)]);

        Assert.Equal((pronouns, synonyms), (wording.Pronouns.Count, wording.Synonyms.Count));
    }

    [Theory]
    [InlineData("throw new E(\"nobody answers\");", 1)]
    [InlineData("Find(\"two\", $\"{a} who is left, {b} whoever\");", 2)]
    [InlineData("var nobody = 1;", 0)]
    public void Counts_pronouns_in_messages(string line, int pronouns) =>
        Assert.Equal(pronouns, Wording.Of([.. Wording.MessagesOf("here", [line])]).Pronouns.Count);

    [Theory]
    [InlineData("# whoever holds the network", 1)]
    [InlineData("cp a b # whoever holds the network", 1)]
    [InlineData("echo \"nobody answers\"", 1)]
    [InlineData("    <!-- nobody reads it -->", 1)]
    [InlineData("echo \"$#\" nobody", 0)]
    public void Counts_pronouns_in_scripts(string line, int pronouns) =>
        Assert.Equal(pronouns, Wording.Of([.. Wording.ScriptTextOf("here", [line])]).Pronouns.Count);

    [Theory]
    [InlineData(1999, true)]
    [InlineData(2000, false)]
    public void One_pronoun_is_allowed_for_two_thousand_words(int words, bool isTooMany)
    {
        var comment = "nobody" + string.Concat(Enumerable.Repeat(" word", words - 1));

        Assert.Equal(isTooMany, Wording.Of([("here", comment)]).HasTooManyPronouns);
    }

    [Theory]
    [InlineData("    /// <summary>One.</summary>", "<summary>One.</summary>")]
    [InlineData("    var x = 1; // Two.", "Two.")]
    [InlineData("    var address = \"http://localhost\";", "")]
    [InlineData("    var x = 1;", "")]
    public void Finds_the_comment_of_a_line(string line, string comment) => Assert.Equal(comment, Repository.CommentOf(line));
}
