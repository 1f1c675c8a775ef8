using System.Xml.Linq;

namespace KvRaft.Tidy.Tests;

/// <summary>The files of the repository on disk, by their path from the root, with forward slashes.</summary>
internal static class Repository
{
    // Files that a build, an editor or git creates.
    private static readonly string[] NotOurs = ["artifacts", "bin", "obj", "node_modules", "TestResults"];

    public static string Root { get; } = FindRoot();

    public static IReadOnlyList<string> Files { get; } = [.. Walk(Root).Select(Relative).Order(StringComparer.Ordinal)];

    public static IEnumerable<string> CSharp(params string[] under) =>
        Files.Where(file => file.EndsWith(".cs", StringComparison.Ordinal) && IsUnder(file, under));

    public static IEnumerable<string> Projects => Files.Where(file => file.EndsWith(".csproj", StringComparison.Ordinal));

    public static bool IsUnder(string file, params string[] folders) =>
        folders.Any(folder => file.StartsWith(folder + "/", StringComparison.Ordinal));

    public static string Read(string file) => File.ReadAllText(Path.Combine(Root, file));

    public static XDocument ReadXml(string file) => XDocument.Load(Path.Combine(Root, file));

    /// <summary>Lines that contain code, with their number from 1; comments are removed.</summary>
    public static IEnumerable<(int Number, string Code)> CodeLines(string file) =>
        File.ReadLines(Path.Combine(Root, file))
            .Select(static (line, i) => (Number: i + 1, Code: WithoutComment(line)))
            .Where(static line => line.Code.Length > 0);

    // In this repository a "//" inside a string is never followed by a blank (URIs), so no lexer is needed.
    internal static string WithoutComment(string line)
    {
        var code = line.TrimStart();
        if (code.StartsWith("//", StringComparison.Ordinal))
        {
            return "";
        }

        var comment = code.IndexOf("// ", StringComparison.Ordinal);
        return (comment < 0 ? code : code[..comment]).TrimEnd();
    }

    /// <summary>The text of the comment of a line; empty if there is none.</summary>
    internal static string CommentOf(string line)
    {
        var code = line.TrimStart();
        var comment = code.StartsWith("//", StringComparison.Ordinal) ? 0 : code.IndexOf("// ", StringComparison.Ordinal);
        return comment < 0 ? "" : code[comment..].TrimStart('/').Trim();
    }

    private static IEnumerable<string> Walk(string directory) =>
        Directory.GetFiles(directory).Concat(Directory.GetDirectories(directory)
            .Where(static sub => !NotOurs.Contains(Path.GetFileName(sub)) && Path.GetFileName(sub) != ".git")
            .SelectMany(Walk));

    private static string Relative(string path) => Path.GetRelativePath(Root, path).Replace('\\', '/');

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
