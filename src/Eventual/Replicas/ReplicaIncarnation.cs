using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using KvRaft.Eventual.Causality;
using KvRaft.Storage;

namespace KvRaft.Eventual.Replicas;

/// <summary>
/// The identity of this replica while it has a complete record of its own writes. The file exists only while the replica is cleanly stopped:
/// it is written after the last write is durable, and removed before the first write of the next start. So every event that could lose writes
/// leads to a new incarnation: a crash that lost writes which other nodes have, an empty disk, a copy of the directory taken while the replica ran.
/// (A copy taken while it was stopped cannot be detected: an operator who restores such a copy must delete the file.)
/// <code>
///  INCARNATION, one line of text:  kvraft-incarnation 1 {incarnation, 16 hex digits} {starts, decimal}
/// </code>
/// </summary>
/// <param name="Id">64 random bits.</param>
/// <param name="Starts">Starts of the process under this id, including this one.</param>
internal readonly record struct ReplicaIncarnation(ulong Id, ulong Starts)
{
    private const string FileName = "INCARNATION";
    private const string Magic = "kvraft-incarnation 1";

    /// <summary>Resumes the saved incarnation, or begins a new one.</summary>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    public static ReplicaIncarnation TakeUp(string directory)
    {
        var path = Path.Combine(directory, FileName);
        var found = Found(path);
        Forget(directory);
        return found is { Starts: < EpochSource.StartMax } before ? before with { Starts = before.Starts + 1 } : new ReplicaIncarnation(Draw(), 1);
    }

    /// <summary>Deletes the file, so that the next start takes a new incarnation.</summary>
    /// <exception cref="IOException">The directory cannot be written.</exception>
    public static void Forget(string directory)
    {
        DurableFile.Delete(Path.Combine(directory, FileName));
        DurableFile.SyncDirectory(directory);
    }

    /// <summary>Saves the incarnation, after all writes are durable.</summary>
    public void PutDown(string directory) => DurableFile.WriteAllText(
        Path.Combine(directory, FileName), string.Create(CultureInfo.InvariantCulture, $"{Magic} {Id:x16} {Starts}\n"));

    /// <summary>A file that cannot be read counts as missing.</summary>
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

    /// <summary>Null if the text is not an incarnation; then a new one is the safe choice.</summary>
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
