using System.Text.RegularExpressions;

namespace KvRaft.Tidy.Tests;

/// <summary>The general rules of the repository.</summary>
public class HouseTests
{
    private static readonly string[] Nowhere = ["Common", "Core", "Utils", "Util", "Utilities", "Helpers", "Misc", "Models", "Interfaces"];

    // Written in two halves so that these lines do not match themselves.
    private static readonly string[] Unfinished = ["TO" + "DO", "FIX" + "ME", "NotImplemented" + "Exception"];

    [Fact]
    public void No_folder_is_named_after_a_kind() =>
        Findings.AssertNone(
            Repository.Files.Where(static file => Repository.IsUnder(file, "src", "tests", "chaos"))
                .Select(static file => Path.GetDirectoryName(file)!.Replace('\\', '/')).Distinct()
                .Where(static folder => folder.Split('/').Any(Nowhere.Contains)),
            "A line goes where its noun lives");

    [Fact]
    public void Nothing_is_left_for_later() =>
        Findings.AssertNone(
            Repository.Files.Where(IsText).SelectMany(static file => Lines(file)
                .Where(static line => Regex.IsMatch(line.Text, $@"\b({string.Join('|', Unfinished)})\b"))
                .Select(line => $"{file}:{line.Number}: {line.Text.Trim()}")),
            "Unfinished work");

    [Fact]
    public void No_test_is_switched_off() =>
        Findings.AssertNone(
            Repository.CSharp("tests", "chaos").SelectMany(static file => Repository.CodeLines(file)
                .Where(static line => Regex.IsMatch(line.Code, @"\[(Fact|Theory)\([^\]]*\bSkip\s*=(?![^\]]*\bSkip(When|Unless)\b)"))
                .Select(line => $"{file}:{line.Number}: {line.Code}")),
            "A test that never runs proves nothing; one that needs something of the machine says so with SkipUnless");

    [Fact]
    public void Planted_bugs_are_in_files_of_their_own() =>
        Findings.AssertNone(
            Repository.CSharp("src").SelectMany(static file => Lines(file)
                .Where(static line => line.Number > 1 && line.Text.TrimStart().StartsWith("#if", StringComparison.Ordinal) && line.Text.Contains("PLANTED_BUGS", StringComparison.Ordinal))
                .Select(line => $"{file}:{line.Number}: {line.Text.Trim()}")),
            "A condition inside a file; a planted bug attaches with a partial method, which an ordinary build does not contain");

    [Fact]
    public void Nothing_depends_on_where_the_repository_lies() =>
        Findings.AssertNone(
            Repository.Files.Where(IsText).SelectMany(static file => Lines(file)
                .Where(static line => line.Text.Contains("/wor" + "k/", StringComparison.Ordinal))
                .Select(line => $"{file}:{line.Number}: {line.Text.Trim()}")),
            "A path of one machine");

    [Fact]
    public void Every_test_project_mirrors_a_project_or_has_a_subject_of_its_own()
    {
        string[] own = ["Tidy.Tests", "Integration.Tests", "Simulation", "Acceptance", "Acceptance.Tests", "TestKit", "Interop", "Interop.Tests", "Benchmarks", "Benchmarks.Tests", "Reference.Tests"];
        var mirrored = Repository.Projects.Where(static project => Repository.IsUnder(project, "src", "chaos"))
            .Select(static project => Path.GetFileName(ArrowTests.FolderOf(project)) + ".Tests");
        Findings.AssertNone(
            Repository.Projects.Where(static project => Repository.IsUnder(project, "tests"))
                .Select(static project => project.Split('/')[1]).Except(mirrored).Except(own),
            "A test project of nothing");
    }

    private static bool IsText(string file) => Path.GetExtension(file) is
        ".cs" or ".csproj" or ".props" or ".targets" or ".proto" or ".md" or ".sh" or ".yml" or ".yaml" or ".json" or ".txt" or "" or ".editorconfig";

    private static IEnumerable<(int Number, string Text)> Lines(string file) =>
        File.ReadLines(Path.Combine(Repository.Root, file)).Select(static (line, i) => (i + 1, line));
}
