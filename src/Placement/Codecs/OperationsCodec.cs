using System.Collections.Immutable;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Codecs;

/// <summary>
/// The encoding of <see cref="OperationsState"/>, and of changes of nodes in every format that contains them.
/// <code>
///  operations  nextOperator:varint nextPlan:varint held:1  changes (staged)
///              operators:varint operator*  history:varint (operator end:1 atMs:varint note:text epoch:varint (version 4))*
///              settings (version 4, as in SettingsCodec)
///  operator    number:varint plan:varint shard:varint from:text to:text held:1 atMs:varint cause:text
///  changes     changes:varint change*
///  change      kind:1 node:text (empty: of none) (kind 2: weight:f64)? (kind 3: zone:text)?
/// </code>
/// Nodes are encoded by name, because the history contains nodes that were removed.
/// </summary>
internal static class OperationsCodec
{
    public static void Write(PlacementWriter writer, OperationsState operations)
    {
        writer.VarUInt((ulong)operations.NextOperator);
        writer.VarUInt((ulong)operations.NextPlan);
        writer.Byte(operations.IsHeld ? (byte)1 : (byte)0);
        Write(writer, operations.Staged);
        writer.VarUInt((ulong)operations.Operators.Length);
        foreach (var one in operations.Operators)
        {
            Write(writer, one);
        }

        writer.VarUInt((ulong)operations.History.Length);
        foreach (var ended in operations.History)
        {
            Write(writer, ended.Operator);
            writer.Byte((byte)ended.End);
            writer.VarUInt((ulong)ended.AtMs);
            writer.Text(ended.Note);
            writer.VarUInt((ulong)ended.Epoch.Value);
        }

        SettingsCodec.Write(writer, operations.Settings);
    }

    /// <param name="reader">Positioned at the first byte.</param>
    public static OperationsState Read(ref PlacementReader reader)
    {
        var (nextOperator, nextPlan, isHeld) = (reader.Number("next operator"), reader.Number("next plan"), reader.Flag());
        var staged = ReadChanges(ref reader);
        var operators = ImmutableArray.CreateBuilder<MoveOperator>(reader.Count(PlacementLimits.OperatorsMax, "operators"));
        for (var i = 0; i < operators.Capacity; i++)
        {
            operators.Add(ReadOperator(ref reader));
            if (operators[i].Number >= nextOperator || (i > 0 && operators[i].Number <= operators[i - 1].Number))
            {
                throw new PlacementFormatException("Operators are not in order, or have numbers that were not assigned yet.");
            }
        }

        var history = ImmutableArray.CreateBuilder<EndedOperator>(reader.Count(PlacementLimits.HistoryMax, "ended operators"));
        for (var i = 0; i < history.Capacity; i++)
        {
            var (one, end) = (ReadOperator(ref reader), (OperatorEnd)reader.Byte());
            if (!Enum.IsDefined(end))
            {
                throw new PlacementFormatException($"{(byte)end} is not the end of an operator.");
            }

            var atMs = reader.Number("moment");
            var note = reader.Text(4 * PlacementLimits.NoteLengthMax, "note");
            history.Add(new EndedOperator(one, end, note, atMs, new Epoch(reader.Number("epoch"))));
        }

        return new OperationsState
        {
            NextOperator = nextOperator,
            NextPlan = nextPlan,
            IsHeld = isHeld,
            Staged = staged,
            Operators = operators.MoveToImmutable(),
            History = history.MoveToImmutable(),
            Settings = SettingsCodec.Read(ref reader),
        };
    }

    public static void Write(PlacementWriter writer, ImmutableArray<TopologyChange> changes)
    {
        writer.VarUInt((ulong)changes.Length);
        foreach (var change in changes)
        {
            writer.Byte((byte)change.Kind);
            writer.Text(change.Node.Value);
            if (change.Kind == TopologyChangeKind.Weight)
            {
                writer.UInt64(BitConverter.DoubleToUInt64Bits(change.Weight));
            }
            else if (change.Kind == TopologyChangeKind.Zone)
            {
                writer.Text(change.Zone);
            }
        }
    }

    public static ImmutableArray<TopologyChange> ReadChanges(ref PlacementReader reader)
    {
        var changes = ImmutableArray.CreateBuilder<TopologyChange>(reader.Count(PlacementLimits.StagedMax, "changes"));
        for (var i = 0; i < changes.Capacity; i++)
        {
            var kind = (TopologyChangeKind)reader.Byte();
            if (!Enum.IsDefined(kind))
            {
                throw new PlacementFormatException($"Change kind {(byte)kind} is not supported by this version.");
            }

            var node = reader.NodeIdOrNone();
            changes.Add(kind switch
            {
                TopologyChangeKind.Weight => new TopologyChange(kind, node, Weight: BitConverter.UInt64BitsToDouble(reader.UInt64())),
                TopologyChangeKind.Zone => new TopologyChange(kind, node, Zone: reader.Text(4 * NodeDescriptor.ZoneLengthMax, "zone")),
                _ => new TopologyChange(kind, node),
            });
        }

        return changes.MoveToImmutable();
    }

    private static void Write(PlacementWriter writer, MoveOperator one)
    {
        writer.VarUInt((ulong)one.Number);
        writer.VarUInt((ulong)one.Plan);
        writer.VarUInt((ulong)one.Shard.Value);
        writer.Text(one.From.Value);
        writer.Text(one.To.Value);
        writer.Byte(one.IsHeld ? (byte)1 : (byte)0);
        writer.VarUInt((ulong)one.AtMs);
        writer.Text(one.Cause);
    }

    private static MoveOperator ReadOperator(ref PlacementReader reader)
    {
        var (number, plan) = (reader.Number("operator"), reader.Number("plan"));
        var shard = new ShardId(reader.VarInt(ShardMap.ShardCountMax - 1, "shard"));
        var (from, to) = (reader.NodeId(), reader.NodeId());
        var (isHeld, atMs) = (reader.Flag(), reader.Number("moment"));
        return new MoveOperator(number, plan, shard, from, to, reader.Text(4 * PlacementLimits.NoteLengthMax, "cause"), isHeld, atMs);
    }
}
