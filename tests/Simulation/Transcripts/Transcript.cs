using System.Text;
using KvRaft.Simulation.Tests.Groups;

namespace KvRaft.Simulation.Tests.Transcripts;

/// <summary>
/// A file with the commands of a script, one per line, each followed by its effects, which are indented by two blanks. Comments begin with #. Comments and empty lines are kept when the file is
/// regenerated.
/// </summary>
internal sealed class Transcript(string path)
{
    private const string Indent = "  ";

    private static readonly string Folder = Path.Combine(FindRoot(), "tests", "Simulation", "Transcripts");

    public static IEnumerable<string> Names =>
        Directory.EnumerateFiles(Folder, "*.txt").Select(static file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal);

    public static Transcript Of(string name) => new(Path.Combine(Folder, $"{name}.txt"));

    public string Text => File.ReadAllText(path).ReplaceLineEndings("\n");

    public void Write(string text) => File.WriteAllText(path, text);

    /// <summary>Runs all commands of the file.</summary>
    /// <returns>The text of the file with the effects of this run.</returns>
    public async Task<string> RunAsync(GroupBug bug = GroupBug.None)
    {
        await using var group = new ScriptedGroup(bug);
        var text = new StringBuilder();
        foreach (var line in Text.TrimEnd('\n').Split('\n').Where(static line => !line.StartsWith(Indent, StringComparison.Ordinal)))
        {
            text.Append(line).Append('\n');
            if (line.Length > 0 && line[0] != '#')
            {
                foreach (var effect in group.Run(line))
                {
                    text.Append(Indent).Append(effect).Append('\n');
                }
            }
        }

        return text.ToString();
    }

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
