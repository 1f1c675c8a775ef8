using KvRaft.Topology;

namespace KvRaft.Placement.Codecs;

/// <summary>The encoding of an <see cref="EventualChange"/>; the layout is in <see cref="PlacementCommandCodec"/>.</summary>
internal static class EventualChangeCodec
{
    private const int Fields = 6;

    public static void Write(PlacementWriter writer, EventualChange change)
    {
        int?[] fields = [change.N, change.R, change.W, change.Sloppy is { } sloppy ? (sloppy ? 1 : 0) : null, (int?)change.Conflict, (int?)change.Durability];
        writer.Byte((byte)fields.Select(static (field, i) => field is null ? 0 : 1 << i).Sum());
        foreach (var field in fields.OfType<int>())
        {
            writer.Byte((byte)field);
        }
    }

    /// <exception cref="PlacementFormatException">It names fields that this version does not support.</exception>
    public static EventualChange Read(ref PlacementReader reader)
    {
        var set = reader.Byte();
        if (set >= 1 << Fields)
        {
            throw new PlacementFormatException($"Field set {set:x2} contains fields that this version does not support.");
        }

        return new EventualChange
        {
            N = (set & 1) == 0 ? null : reader.Byte(),
            R = (set & 2) == 0 ? null : reader.Byte(),
            W = (set & 4) == 0 ? null : reader.Byte(),
            Sloppy = (set & 8) == 0 ? null : reader.Flag(),
            Conflict = (set & 16) == 0 ? null : (ConflictPolicy)reader.Byte(),
            Durability = (set & 32) == 0 ? null : (EventualDurability)reader.Byte(),
        };
    }
}
