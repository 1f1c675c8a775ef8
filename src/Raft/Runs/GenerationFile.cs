using System.Globalization;
using System.Text;
using KvRaft.Raft.Log;

namespace KvRaft.Raft.Runs;

/// <summary>
/// Counts the starts of a data directory. Text: <c>kvraft-generation 1</c>, then the number of the last start.
/// </summary>
internal static class GenerationFile
{
    public const string FileName = "generation";

    private const string Header = "kvraft-generation 1";

    /// <summary>Raises the generation by one; it is synced when this returns.</summary>
    /// <exception cref="LogOpenException">The file is damaged or of another version.</exception>
    /// <exception cref="IOException">It cannot be read or written.</exception>
    public static long Next(string directory, IFileSystem files)
    {
        var path = Path.Combine(directory, FileName);
        var next = (File.Exists(path) ? Parse(path, File.ReadAllText(path)) : 0) + 1;
        DurableFile.Write(path, Encoding.UTF8.GetBytes(Format(next)), files);
        return next;
    }

    internal static string Format(long generation) => string.Create(CultureInfo.InvariantCulture, $"{Header}\n{generation}\n");

    private static long Parse(string path, string text) =>
        text.Split('\n') is [Header, var number, ""]
        && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var generation) && generation is > 0 and < long.MaxValue
            ? generation
            : throw new LogOpenException(
                $"'{path}' is damaged or of another version, so this node cannot prove that its data is not an older copy. "
                + "Remove its data directory and let it join as a new node.");
}
