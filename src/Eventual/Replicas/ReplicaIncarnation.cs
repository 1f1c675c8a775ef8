using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using KvRaft.Eventual.Causality;
using KvRaft.Storage;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// Who this replica is, for as long as it remembers everything it ever wrote. The file exists only while the replica is cleanly stopped:
/// it is written after the last write is safe, and removed before the first of the next start. So whatever could have cost it its memory
/// makes it somebody new: a crash that took writes others have heard of, an empty disk, a copy of the directory that was taken while it ran.
/// (A copy taken while it was stopped is the one thing this cannot tell: whoever puts such a copy back deletes the file.)
/// <code>
///  INCARNATION, one line of text:  kvraft-incarnation 1 {incarnation, 16 hex digits} {starts, decimal}
/// </code>
/// </summary>
/// <param name="Id">64 random bits.</param>
/// <param name="Starts">Starts of the process under this id, this one included.</param>
internal readonly record struct ReplicaIncarnation(ulong Id, ulong Starts)
{
    private const string FileName = "INCARNATION";
    private const string Magic = "kvraft-incarnation 1";

    /// <summary>Takes up the incarnation that was put down, or begins a new one.</summary>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    public static ReplicaIncarnation TakeUp(string directory)
    {
        var path = Path.Combine(directory, FileName);
        var found = Found(path);
        Forget(directory);
        return found is { Starts: < EpochSource.StartMax } before ? before with { Starts = before.Starts + 1 } : new ReplicaIncarnation(Draw(), 1);
    }

    /// <summary>Whoever starts here next is somebody new.</summary>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    public static void Forget(string directory)
    {
        File.Delete(Path.Combine(directory, FileName));
        DurableFile.SyncDirectory(directory);
    }

    /// <summary>Puts it down, after everything written is safe.</summary>
    public void PutDown(string directory) => DurableFile.WriteAllText(
        Path.Combine(directory, FileName), string.Create(CultureInfo.InvariantCulture, $"{Magic} {Id:x16} {Starts}\n"));

    /// <summary>A file that cannot be read is as good as none.</summary>
    private static ReplicaIncarnation? Found(string path)
    {
        try
        {
            return File.Exists(path) ? Parse(File.ReadAllText(path)) : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Null if the text is no incarnation; then a new one is the safe answer.</summary>
    private static ReplicaIncarnation? Parse(string text) =>
        text.TrimEnd('\n').Split(' ') is [var magic, var version, var id, var starts] && $"{magic} {version}" == Magic
        && ulong.TryParse(id, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var found)
        && ulong.TryParse(starts, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            ? new ReplicaIncarnation(found, count)
            : null;

    private static ulong Draw()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }
}
