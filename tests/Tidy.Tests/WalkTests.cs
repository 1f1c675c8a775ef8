using System.Text.RegularExpressions;

namespace KvRaft.Tidy.Tests;

/// <summary>
/// The ways down of one put and one get, as ARCHITECTURE.md lists them. A reader who follows one opens few folders and returns to none. The first path of a step is its file; paths in
/// other folders stand behind <c>Details:</c>, where calls are listed that return at once.
/// </summary>
public class WalkTests(ITestOutputHelper output)
{
    private const int FoldersMax = 8;

    [Theory]
    [InlineData("One put")]
    [InlineData("One get")]
    public void A_way_down_returns_to_no_folder(string title)
    {
        var steps = StepsOf(Repository.Read("ARCHITECTURE.md"), title);

        output.WriteLine(Print(title, steps));
        Assert.True(steps.Length > 3, $"{title}: {steps.Length} steps");
        Findings.AssertNone(Mistakes(steps), Print(title, steps));
    }

    [Theory]
    [InlineData("1. `src/A/X/F.cs`: `Go()`\n2. `src/A/Y/F.cs`: `Go()`", "")]
    [InlineData("1. `src/A/X/F.cs`: `Go()`, then\n   `src/A/X/G.cs`: `Go()`\n2. `src/A/Y/F.cs`: `Go()`. Details: `src/A/X/H.cs`: `Check()`", "")]
    [InlineData("1. `src/A/X/F.cs`: `Go()`\n2. `src/A/Y/F.cs`: `Go()`\n3. `src/A/X/F.cs`: `Back()`", "step 3: A/X is visited twice")]
    [InlineData("1. `src/A/X/F.cs`: `Go()`, then `src/A/Y/F.cs`: `Go()`", "step 1: A/Y is no detail")]
    [InlineData("1. `src/A/X/F.cs` goes", "step 1 names no method")]
    [InlineData("1. `src/A/1/F.cs`: `Go()`\n2. `src/A/2/F.cs`: `Go()`\n3. `src/A/3/F.cs`: `Go()`\n4. `src/A/4/F.cs`: `Go()`\n5. `src/A/5/F.cs`: `Go()`\n6. `src/A/6/F.cs`: `Go()`\n7. `src/A/7/F.cs`: `Go()`\n8. `src/A/8/F.cs`: `Go()`\n9. `src/A/9/F.cs`: `Go()`", "9 folders")]
    public void Finds_what_is_wrong_with_a_walk(string steps, string mistakes) =>
        Assert.Equal(mistakes, string.Join(", ", Mistakes(StepsOf($"# Page\n\n## Walk\n\n### The way down\n\n{steps}\n\n### The way back\n\n1. Nothing\n", "Walk"))));

    // A class in several files: the page names the file with the method.
    [Fact]
    public void A_file_has_the_methods_that_the_page_names_after_it()
    {
        var named = Regex.Matches(Repository.Read("ARCHITECTURE.md"), @"`((?:src|chaos)/[\w./-]+\.cs)`:\s+`\w+\(\)`(?:,\s+`\w+\(\)`)*");

        Assert.NotEmpty(named);
        Findings.AssertNone(
            named.SelectMany(static match => Regex.Matches(match.Value, @"`(\w+)\(\)`").Select(method => (File: match.Groups[1].Value, Method: method.Groups[1].Value)))
                .Where(static one => !Regex.IsMatch(Repository.Read(one.File), $@"^ +(public|protected|internal|private) [^=;\n]* {one.Method}(<[^>\n]+>)?\(", RegexOptions.Multiline))
                .Select(static one => $"{one.File}: {one.Method}()"),
            "No such method in the file");
    }

    private static IEnumerable<string> Mistakes(Step[] steps)
    {
        for (var i = 0; i < steps.Length; i++)
        {
            if (steps[i].Method.Length == 0)
            {
                yield return $"step {i + 1} names no method";
            }

            foreach (var other in steps[i].OtherFolders)
            {
                yield return $"step {i + 1}: {other} is no detail";
            }

            if (steps[..i].Any(earlier => earlier.Folder == steps[i].Folder))
            {
                yield return $"step {i + 1}: {steps[i].Folder} is visited twice";
            }
        }

        var folders = steps.Select(static step => step.Folder).Distinct().Count();
        if (folders > FoldersMax)
        {
            yield return $"{folders} folders";
        }
    }

    private static string Print(string title, Step[] steps) =>
        $"{title}: {steps.Length} folders: {string.Join(" -> ", steps.Select(static step => step.Folder))}\n"
        + string.Join('\n', steps.Select(static (step, i) => $"{i + 1,4}. {step.File}: {step.Method}()"));

    private static Step[] StepsOf(string page, string title)
    {
        var section = After(page, $"## {title}\n", "\n## ");
        var down = After(section, "### The way down\n", "\n### ");
        return [.. Regex.Split(down, @"^\d+\. ", RegexOptions.Multiline).Skip(1).Select(Step.Of)];
    }

    private static string After(string text, string heading, string next)
    {
        var start = text.IndexOf(heading, StringComparison.Ordinal);
        Assert.True(start >= 0, $"no {heading.Trim()}");
        var rest = text[(start + heading.Length)..];
        var end = rest.IndexOf(next, StringComparison.Ordinal);
        return end < 0 ? rest : rest[..end];
    }

    /// <param name="Folder">Project and folder.</param>
    /// <param name="File">The path of its file.</param>
    /// <param name="Method">Its method; empty if it names none.</param>
    /// <param name="OtherFolders">Folders that it names besides, not as details.</param>
    private sealed record Step(string Folder, string File, string Method, string[] OtherFolders)
    {
        public static Step Of(string text)
        {
            var way = text.Split("Details:")[0];
            var files = Regex.Matches(way, @"`((?:src|chaos)/[\w./-]+\.cs)`").Select(static match => match.Groups[1].Value).ToArray();
            Assert.True(files.Length > 0, $"no file: {text}");
            var method = Regex.Match(way, $@"`{Regex.Escape(files[0])}`:\s+`(\w+)\(\)`").Groups[1].Value;
            var folders = files.Select(FolderOf).Distinct().ToArray();
            return new Step(folders[0], files[0], method, folders[1..]);
        }

        private static string FolderOf(string file) => string.Join('/', file.Split('/')[1..^1]);
    }
}
