using System.Text.RegularExpressions;

namespace KvRaft.Tidy.Tests;

/// <summary>Checks the paths, links and types that documents name.</summary>
public class ProseTests
{
    private static readonly string[] Pages =
        [.. Repository.Files.Where(static file => file.EndsWith(".md", StringComparison.Ordinal) && !Repository.IsUnder(file, "chaos/histories"))];

    [Fact]
    public void Paths_in_prose_exist()
    {
        Assert.Contains("ARCHITECTURE.md", Pages);
        Findings.AssertNone(
            Pages.SelectMany(static page => PathsIn(Repository.Read(page))
                .Where(static path => !Exists(path))
                .Select(path => $"{page}: {path}")),
            "No such file or folder");
    }

    [Fact]
    public void Links_in_prose_lead_somewhere() =>
        Findings.AssertNone(
            Pages.SelectMany(static page => Regex.Matches(Repository.Read(page), @"\]\(([^)#\s]+)(#[^)]*)?\)")
                .Select(static link => link.Groups[1].Value)
                .Where(static target => !target.Contains("://", StringComparison.Ordinal) && !target.StartsWith("mailto:", StringComparison.Ordinal))
                .Where(target => !Exists(Path.GetRelativePath(Repository.Root, Path.Combine(Repository.Root, Path.GetDirectoryName(page)!, target))))
                .Select(target => $"{page}: {target}")),
            "Dead links");

    // A name of two or more capitalized words in backticks is a type or a member of this repository or of a library; in both cases it occurs in the
    // code.
    [Fact]
    public void Types_in_prose_occur_in_the_code()
    {
        var words = Repository.Files
            .Where(static file => Path.GetExtension(file) is ".cs" or ".proto" or ".csproj" or ".props")
            .Where(static file => !Repository.IsUnder(file, "tests/Tidy.Tests"))
            .SelectMany(static file => Regex.Matches(Repository.Read(file), @"\w+").Select(static word => word.Value))
            .ToHashSet(StringComparer.Ordinal);
        Findings.AssertNone(
            Pages.SelectMany(page => Quoted(Repository.Read(page))
                .Where(static word => Regex.IsMatch(word, "^([A-Z][a-z0-9]+){2,}$"))
                .Distinct()
                .Where(word => !words.Contains(word))
                .Select(word => $"{page}: {word}")),
            "Nothing of that name in the code");
    }

    // The compiler checks the examples in their source file; this test only compares the lines.
    [Fact]
    public void Lines_of_csharp_in_the_documentation_are_compiled_somewhere()
    {
        var compiled = Repository.CodeLines("tests/Integration.Tests/ReadmeExamples.cs").Select(static line => line.Code.Trim()).ToHashSet(StringComparer.Ordinal);
        var lines = Pages.Where(static page => page == "README.md" || Repository.IsUnder(page, "docs"))
            .SelectMany(static page => Regex.Matches(Repository.Read(page), "^```csharp\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline))
            .SelectMany(static block => block.Groups[1].Value.Split('\n'))
            .Select(static line => Repository.WithoutComment(line).Trim())
            .Where(static code => code.Length > 0)
            .ToArray();

        Assert.NotEmpty(lines);
        Findings.AssertNone(lines.Where(line => !compiled.Contains(line)), "Not in ReadmeExamples.cs");
    }

    // The front page is for people who decide whether to read more; everything else is in docs.
    [Fact]
    public void The_readme_is_at_most_8_kB() => Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(Repository.Read("README.md")), 1, 8_000);

    [Theory]
    [InlineData("see `src/Raft/Groups/RaftGroup.cs`, it", "src/Raft/Groups/RaftGroup.cs")]
    [InlineData("`tests/Raft.Tests/` and", "tests/Raft.Tests/")]
    [InlineData("run `dotnet test tests/X.Tests -- --list`", "tests/X.Tests")]
    [InlineData("`docs/reference/cli.md`", "docs/reference/cli.md")]
    [InlineData("`bash .ci/run`", "")]
    [InlineData("not in ticks src/Nowhere.cs", "")]
    [InlineData("a pattern `src/*/LogMessages.cs` or `src/<Component>`", "")]
    public void Finds_the_paths_in_backticks(string text, string paths) => Assert.Equal(paths, string.Join(' ', PathsIn(text)));

    private static IEnumerable<string> PathsIn(string text) =>
        Quoted(text).SelectMany(static code => code.Split(' ')).Where(static word => Regex.IsMatch(word, @"^(src|tests|chaos|docs|deploy)/[\w./-]*$"));

    // Fenced blocks contain commands with placeholders; only running text is checked.
    private static IEnumerable<string> Quoted(string text) =>
        Regex.Matches(Regex.Replace(text, "^```.*?^```", "", RegexOptions.Singleline | RegexOptions.Multiline), "`([^`\n]+)`")
            .Select(static match => match.Groups[1].Value);

    private static bool Exists(string path) => Path.Exists(Path.Combine(Repository.Root, path));
}
