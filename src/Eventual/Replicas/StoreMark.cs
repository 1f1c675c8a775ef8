using System.Globalization;
using KvRaft.Storage;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// How far the store was synced, as the write count of its engine, in a file beside the store. It is written about once a second while there are writes,
/// and at a clean stop. If
/// a write-ahead log is missing or a manifest is truncated, the engine opens as if the store had never been longer; a store that ends before its mark has
/// lost writes.
/// <code>
///  MARK, one line of text:  kvraft-mark 1 {writes, decimal}
/// </code>
/// </summary>
internal static class StoreMark
{
    private const string FileName = "MARK";
    private const string Magic = "kvraft-mark 1";

    /// <summary>0 if there is no readable mark; if the system refuses the access, the mark is unknown, and the store is not opened. A directory in its place is deleted, because it would prevent the next write.</summary>
    public static long Read(string directory)
    {
        try
        {
            if (Directory.Exists(Path.Combine(directory, FileName)))
            {
                Drop(directory);
            }

            return File.ReadAllText(Path.Combine(directory, FileName)).TrimEnd('\n').Split(' ') is [var magic, var version, var writes]
                && $"{magic} {version}" == Magic && long.TryParse(writes, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : 0;
        }
        catch (IOException error) when (error is FileNotFoundException || !EnvironmentFault.Is(error))
        {
            return 0;
        }
    }

    /// <exception cref="IOException">The disk does not allow it.</exception>
    public static void Write(string directory, long writes) => DurableFile.WriteAllText(
        Path.Combine(directory, FileName), string.Create(CultureInfo.InvariantCulture, $"{Magic} {writes}\n"));

    /// <summary>For a store that begins anew.</summary>
    /// <exception cref="IOException">The disk does not allow it.</exception>
    public static void Drop(string directory) => DurableFile.Delete(Path.Combine(directory, FileName));
}
