using System.Buffers.Binary;

namespace KvRaft.Raft.Log;

/// <summary>
/// The last batch that is certainly durable, stored beside the log in two slots that are written in turn. It is written lazily and not
/// synced, so it may be old, but never ahead: if a log ends before it, the log has lost data.
/// </summary>
/// <param name="Generation">Counts the writes; its parity selects the slot.</param>
/// <param name="Batch">The batch; 0: none yet.</param>
/// <param name="IsClosed">The log was closed after that batch: nothing was written behind it. Cleared before the next start writes.</param>
internal readonly record struct DurableMark(long Generation, long Batch, bool IsClosed = false)
{
    public const string FileName = "durable.mark";

    /// <summary>The slots are a page apart, so that one torn page damages one slot.</summary>
    public const int SlotDistance = 4096;

    public const int SlotBytes = 32;

    private const byte Version = 1;

    private static ReadOnlySpan<byte> Magic => "KVMARK"u8;

    public DurableMark Next(long batch, bool isClosed = false) => new(Generation + 1, batch, isClosed);

    public void WriteTo(IFile file)
    {
        Span<byte> slot = stackalloc byte[SlotBytes];
        Write(slot);
        file.Write((Generation & 1) * SlotDistance, slot);
    }

    public void Write(Span<byte> slot)
    {
        slot = slot[..SlotBytes];
        slot.Clear();
        Magic.CopyTo(slot);
        slot[6] = Version;
        slot[7] = IsClosed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt64LittleEndian(slot[8..], Generation);
        BinaryPrimitives.WriteInt64LittleEndian(slot[16..], Batch);
        BinaryPrimitives.WriteUInt32LittleEndian(slot[28..], Crc32C.Of(slot[..28]));
    }

    /// <summary>The younger valid slot; null if neither is valid.</summary>
    public static DurableMark? ReadFrom(IFile file)
    {
        Span<byte> slot = stackalloc byte[SlotBytes];
        DurableMark? best = null;
        for (var i = 0; i < 2; i++)
        {
            if (file.Read(i * SlotDistance, slot) == SlotBytes && TryRead(slot, out var mark) && mark.Generation > (best?.Generation ?? -1))
            {
                best = mark;
            }
        }

        return best;
    }

    private static bool TryRead(ReadOnlySpan<byte> slot, out DurableMark mark)
    {
        mark = default;
        if (!slot.StartsWith(Magic) || slot[6] != Version || BinaryPrimitives.ReadUInt32LittleEndian(slot[28..]) != Crc32C.Of(slot[..28]))
        {
            return false;
        }

        mark = new DurableMark(BinaryPrimitives.ReadInt64LittleEndian(slot[8..]), BinaryPrimitives.ReadInt64LittleEndian(slot[16..]), slot[7] == 1);
        return true;
    }
}
