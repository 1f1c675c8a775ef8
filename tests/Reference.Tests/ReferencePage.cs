using System.Globalization;
using System.Text;

namespace KvRaft.Reference.Tests;

/// <summary>
/// A page of <c>docs/reference</c>, built by a test from the code. The test compares it with the file; with the environment variable
/// <see cref="UpdateVariable"/> set to 1 it writes the file instead.
/// </summary>
internal sealed class ReferencePage(string file)
{
    public const string UpdateVariable = "KVRAFT_UPDATE_REFERENCE";

    private readonly StringBuilder _text = new();

    public ReferencePage Line(string line = "")
    {
        _text.Append(line).Append('\n');
        return this;
    }

    /// <summary>A table of markdown. A bar inside a cell is escaped, and a line break becomes a blank.</summary>
    public ReferencePage Table(string[] heads, IEnumerable<string[]> rows)
    {
        Row(heads);
        Row([.. heads.Select(static _ => "---")]);
        foreach (var row in rows)
        {
            Assert.Equal(heads.Length, row.Length);
            Row([.. row.Select(static cell => cell.Replace("|", "\\|", StringComparison.Ordinal).ReplaceLineEndings(" "))]);
        }

        return Line();
    }

    /// <summary>Fails if the file in the repository is not this page.</summary>
    public void AssertCurrent()
    {
        var path = Path.Combine(SourceTree.Root, "docs", "reference", file);
        var text = _text.ToString().TrimEnd('\n') + "\n";
        if (Environment.GetEnvironmentVariable(UpdateVariable) == "1")
        {
            File.WriteAllText(path, text);
            return;
        }

        var kept = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n") : "";
        Assert.True(kept == text, $"docs/reference/{file} differs from the code{FirstDifference(kept, text)}\nTo regenerate: {UpdateVariable}=1 dotnet run --project tests/Reference.Tests");
    }

    private static string FirstDifference(string kept, string text)
    {
        var (old, now) = (kept.Split('\n'), text.Split('\n'));
        var at = old.Zip(now).TakeWhile(static pair => pair.First == pair.Second).Count();
        return string.Create(
            CultureInfo.InvariantCulture, $" at line {at + 1}\npage: {old.ElementAtOrDefault(at) ?? "(end)"}\ncode: {now.ElementAtOrDefault(at) ?? "(end)"}");
    }

    private void Row(string[] cells) => Line($"| {string.Join(" | ", cells)} |");
}

/// <summary>The files of the repository.</summary>
internal static class SourceTree
{
    public static string Root { get; } = FindRoot();

    public static IEnumerable<string> CSharp(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal);

    private static string FindRoot()
    {
        for (var directory = AppContext.BaseDirectory; directory is not null; directory = Path.GetDirectoryName(directory))
        {
            if (File.Exists(Path.Combine(directory, "KvRaft.sln")))
            {
                return directory;
            }
        }

        throw new InvalidOperationException($"No KvRaft.sln above {AppContext.BaseDirectory}.");
    }
}
