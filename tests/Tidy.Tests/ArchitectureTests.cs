using System.Text.RegularExpressions;

namespace KvRaft.Tidy.Tests;

/// <summary>
/// ARCHITECTURE.md and the pages of docs/design. A method is written as <c>`Name()`</c> behind the path of its file, and must be declared or called there, or in a file
/// that continues it (<c>X.Part.cs</c>).
/// </summary>
public class ArchitectureTests
{
    private static readonly string[] Glossary =
        ["heartbeat interval", "successor candidate", "group-0 voters", "quiesced", "quorum confirmation", "replica holder", "token range", "component", "shard", "epoch", "incarnation"];

    private static readonly string[] Pages =
        [.. Repository.Files.Where(static file => file == "ARCHITECTURE.md" || (Repository.IsUnder(file, "docs/design") && file.EndsWith(".md", StringComparison.Ordinal)))];

    [Fact]
    public void Methods_named_behind_a_path_exist_there() =>
        Findings.AssertNone(
            Pages.SelectMany(static page => MethodsIn(Repository.Read(page))
                .Where(static named => !IsIn(named.Path, named.Method))
                .Select(named => $"{page}: {named.Path} has no {named.Method}")),
            "Methods");

    // The page follows one put and one get: it would be empty without the steps.
    [Fact]
    public void The_architecture_names_file_and_method_of_each_step() =>
        Assert.InRange(MethodsIn(Repository.Read("ARCHITECTURE.md")).Count(), 25, 60);

    [Fact]
    public void The_architecture_is_about_15_kB() => Assert.InRange(System.Text.Encoding.UTF8.GetByteCount(Repository.Read("ARCHITECTURE.md")), 10_000, 17_000);

    [Fact]
    public void Each_design_page_is_linked_from_the_architecture() =>
        Findings.AssertNone(
            Pages.Where(static page => page != "ARCHITECTURE.md" && !Repository.Read("ARCHITECTURE.md").Contains($"({page})", StringComparison.Ordinal)), "Not linked");

    [Fact]
    public void The_glossary_has_the_terms_of_the_field()
    {
        var page = Repository.Read("ARCHITECTURE.md");
        var terms = string.Join('\n', page[page.IndexOf("## Glossary", StringComparison.Ordinal)..].Split('\n')
            .Where(static line => line.StartsWith("| ", StringComparison.Ordinal)).Select(static line => line.Split('|')[1]));
        Findings.AssertNone(Glossary.Where(term => !Regex.IsMatch(terms, $@"\b{term}\b")), "Not in the glossary");
    }

    [Fact]
    public void Each_trap_names_the_file_that_copes_with_it()
    {
        var rows = Repository.Read("docs/design/dotnext-traps.md").Split('\n')
            .Where(static line => line.StartsWith("| ", StringComparison.Ordinal) && !line.StartsWith("| what ", StringComparison.Ordinal))
            .Select(static line => line.Split(" | "))
            .ToArray();

        Assert.NotEmpty(rows);
        Findings.AssertNone(
            rows.Where(static row => row.Length != 3 || !(row[1].Contains("`src/", StringComparison.Ordinal) || row[1].StartsWith("accepted", StringComparison.Ordinal)))
                .Select(static row => row[0]),
            "A trap without a file");
    }

    [Theory]
    [InlineData("`src/A/X.cs`: `Run()` calls `Stop()`; `src/B/Y.cs`: `Go()`", "src/A/X.cs Run, src/A/X.cs Stop, src/B/Y.cs Go")]
    [InlineData("`src/A/X.cs` and `Run`", "")]
    public void Finds_the_methods_behind_paths(string text, string expected) =>
        Assert.Equal(expected, string.Join(", ", MethodsIn(text).Select(static named => $"{named.Path} {named.Method}")));

    private static IEnumerable<(string Path, string Method)> MethodsIn(string text)
    {
        var path = "";
        foreach (var quoted in Regex.Matches(text, @"`((?:src|tests|chaos)/[\w./-]+\.cs|\w+\(\))`").Select(static match => match.Groups[1].Value))
        {
            if (!quoted.EndsWith("()", StringComparison.Ordinal))
            {
                path = quoted;
            }
            else
            {
                yield return (path, quoted[..^2]);
            }
        }
    }

    private static bool IsIn(string path, string method) =>
        Repository.Files.Where(file => file == path || (file.StartsWith(path[..^3] + ".", StringComparison.Ordinal) && file.EndsWith(".cs", StringComparison.Ordinal)))
            .Any(file => Regex.IsMatch(Repository.Read(file), $@"\b{method}(<[^>()]*>)?\("));
}
