using System.Text;
using System.Text.RegularExpressions;

namespace KvRaft.Integration.Tests.Processes;

/// <summary>The lines that nodes print from a moment on: with them a test can act at a step that takes only milliseconds.</summary>
internal sealed class LogTail
{
    private readonly IReadOnlyList<(string File, long From)> _marks;

    private LogTail(IReadOnlyList<(string File, long From)> marks) => _marks = marks;

    public static LogTail FromNowOn(IEnumerable<string> files) => new([.. files.Select(static file => (file, File.Exists(file) ? new FileInfo(file).Length : 0))]);

    /// <summary>Whether a node has printed it since.</summary>
    public bool Says(Regex what) => _marks.Any(mark => what.IsMatch(Read(mark.File, mark.From)));

    private static string Read(string file, long from)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        stream.Position = from;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }
}
