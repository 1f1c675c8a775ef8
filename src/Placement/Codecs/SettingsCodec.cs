using System.Collections.Immutable;
using KvRaft.Placement.State;

namespace KvRaft.Placement.Codecs;

/// <summary>
/// The encoding of <see cref="PlacementSettings"/>.
/// <code>
///  settings    copyMegabytes:varint foregroundP99Ms:varint movesAtOnce:varint movesAtOncePerNode:varint
///              paused:1 (scheduler:1 untilMs:varint)*
/// </code>
/// </summary>
internal static class SettingsCodec
{
    public static void Write(PlacementWriter writer, PlacementSettings settings)
    {
        writer.VarUInt((ulong)settings.CopyMegabytes);
        writer.VarUInt((ulong)settings.ForegroundP99Ms);
        writer.VarUInt((ulong)settings.MovesAtOnce);
        writer.VarUInt((ulong)settings.MovesAtOncePerNode);
        writer.Byte((byte)settings.Paused.Length);
        foreach (var paused in settings.Paused)
        {
            writer.Byte((byte)paused.Scheduler);
            writer.VarUInt((ulong)paused.UntilMs);
        }
    }

    public static PlacementSettings Read(ref PlacementReader reader)
    {
        var settings = new PlacementSettings
        {
            CopyMegabytes = reader.VarInt(PlacementSettings.CopyMegabytesMax, "copy pace"),
            ForegroundP99Ms = reader.VarInt(PlacementSettings.ForegroundP99MsMax, "foreground latency"),
            MovesAtOnce = reader.VarInt(PlacementSettings.MovesAtOnceMax, "moves at once"),
            MovesAtOncePerNode = reader.VarInt(PlacementSettings.MovesAtOnceMax, "moves at once of a node"),
        };
        var paused = ImmutableArray.CreateBuilder<PausedScheduler>();
        for (int left = reader.Byte(); left > 0; left--)
        {
            paused.Add(new PausedScheduler(ReadKind(ref reader), reader.Number("moment")));
            if (paused.Count > 1 && paused[^2].Scheduler >= paused[^1].Scheduler)
            {
                throw new PlacementFormatException("Paused schedulers are not in order.");
            }
        }

        return settings.Mistake() is { } mistake ? throw new PlacementFormatException(mistake) : settings with { Paused = paused.ToImmutable() };
    }

    public static SchedulerKind ReadKind(ref PlacementReader reader) => (SchedulerKind)reader.Byte() is var kind && Enum.IsDefined(kind)
        ? kind
        : throw new PlacementFormatException($"There is no scheduler {(byte)kind}.");

    /// <summary><c>set:1 (bit 0: copyMegabytes, 1: foregroundP99Ms, 2: movesAtOnce, 3: movesAtOncePerNode) (value:varint)*</c></summary>
    public static void Write(PlacementWriter writer, ChangeSettings change)
    {
        int?[] values = [change.CopyMegabytes, change.ForegroundP99Ms, change.MovesAtOnce, change.MovesAtOncePerNode];
        writer.Byte((byte)values.Select(static (value, bit) => value is null ? 0 : 1 << bit).Sum());
        foreach (var value in values.OfType<int>())
        {
            writer.VarUInt((ulong)value);
        }
    }

    public static ChangeSettings ReadChange(ref PlacementReader reader)
    {
        var set = reader.Byte();
        if (set > 15)
        {
            throw new PlacementFormatException($"Field set {set:x2} contains fields that this version does not support.");
        }

        return new ChangeSettings
        {
            CopyMegabytes = (set & 1) == 0 ? null : reader.VarInt(int.MaxValue, "copy pace"),
            ForegroundP99Ms = (set & 2) == 0 ? null : reader.VarInt(int.MaxValue, "foreground latency"),
            MovesAtOnce = (set & 4) == 0 ? null : reader.VarInt(int.MaxValue, "moves at once"),
            MovesAtOncePerNode = (set & 8) == 0 ? null : reader.VarInt(int.MaxValue, "moves at once of a node"),
        };
    }
}
