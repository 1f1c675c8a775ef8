using System.Buffers.Binary;
using KvRaft.Raft.Log;

namespace KvRaft.Raft.Runs;

/// <summary>
/// Counts the starts of a data directory. Two slots are written in turn and in place: a crash damages only the slot that is written, and a start needs no space on a full
/// disk. If the newer slot is damaged later, the next start draws a generation that was used before, and the other nodes refuse it.
/// <code>
/// slot   6 magic 'KVGENR' | u8 version | u8 0 | u64 generation | 12 zeros | u32 CRC32C of the bytes before      little-endian; slots are 4096 bytes apart
/// </code>
/// </summary>
internal static class GenerationFile
{
    public const string FileName = "generation";

    public const int SlotBytes = 32;

    /// <summary>A page, so that one torn page damages one slot.</summary>
    public const int SlotDistance = 4096;

    private const byte Version = 1;

    private static ReadOnlySpan<byte> Magic => "KVGENR"u8;

    /// <summary>Raises the generation by one; it is synced when this returns.</summary>
    /// <exception cref="LogOpenException">The file is damaged, of another version, or not writable.</exception>
    public static long Next(string directory, IFileSystem files)
    {
        var path = Path.Combine(directory, FileName);
        try
        {
            var isNew = !IsThere(path);
            using var file = files.Open(path, isNew ? FileOpening.Create : FileOpening.ReadWrite);
            if (isNew)
            {
                // Both slots, so that later starts need no further space.
                file.Write(0, new byte[SlotDistance + SlotBytes]);
            }

            var next = (isNew ? 0 : Read(path, file)) + 1;
            Span<byte> slot = stackalloc byte[SlotBytes];
            Format(next, slot);
            file.Write((next & 1) * SlotDistance, slot);
            file.FlushData();
            if (isNew)
            {
                files.SyncDirectory(directory);
            }

            return next;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new LogOpenException($"The start counter '{path}' cannot be read or written: {error.Message}", error);
        }
    }

    /// <summary>The generation of the last start; 0: there was none.</summary>
    /// <exception cref="LogOpenException">The file is damaged, of another version, or not readable.</exception>
    public static long Read(string directory, IFileSystem files)
    {
        var path = Path.Combine(directory, FileName);
        try
        {
            if (!IsThere(path))
            {
                return 0;
            }

            using var file = files.Open(path, FileOpening.ReadWrite);
            return Read(path, file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new LogOpenException($"The start counter '{path}' cannot be read: {error.Message}", error);
        }
    }

    private static bool IsThere(string path) => new FileInfo(path) is { Exists: true, Length: > 0 };

    internal static void Format(long generation, Span<byte> slot)
    {
        slot.Clear();
        Magic.CopyTo(slot);
        slot[6] = Version;
        BinaryPrimitives.WriteInt64LittleEndian(slot[8..], generation);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[28..], Crc32C.Of(slot[..28]));
    }

    private static long Read(string path, IFile file)
    {
        Span<byte> slot = stackalloc byte[SlotBytes];
        var (newest, isBlank) = (0L, true);
        for (var number = 0; number < 2; number++)
        {
            if (file.Read(number * SlotDistance, slot) != SlotBytes)
            {
                continue;
            }

            isBlank &= !slot.ContainsAnyExcept((byte)0);
            if (slot.StartsWith(Magic) && slot[6] == Version && BinaryPrimitives.ReadUInt32LittleEndian(slot[28..]) == Crc32C.Of(slot[..28]))
            {
                newest = Math.Max(newest, BinaryPrimitives.ReadInt64LittleEndian(slot[8..]));
            }
        }

        // Blank: the first start ended before it wrote anything, and therefore before it connected to another node.
        return newest > 0 || isBlank
            ? newest
            : throw new LogOpenException(
                $"'{path}' is damaged or of another version, so this node cannot prove that its data is not an older copy. "
                + "Start the node with an empty data directory under another name with 'join', then: kvctl node replace OLD NEW --now --wait");
    }
}
