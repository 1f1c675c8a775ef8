using Google.Protobuf;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Quorum;
using KvRaft.Eventual.Values;
using KvRaft.V1;
using ConflictPolicy = KvRaft.Topology.ConflictPolicy;

namespace KvRaft.Node.EventualKeys;

/// <summary>Translates a state to the answer for a client, by its keyspace's policy. Pure.</summary>
internal static class EventualAnswers
{
    /// <summary>The values that a reader of a keyspace of plain bytes receives.</summary>
    public static IEnumerable<SiblingValue> Values(SiblingSet state, ConflictPolicy policy, long nowMs)
    {
        var standing = state.Expire(nowMs);
        if (policy == ConflictPolicy.LastWriter)
        {
            return SiblingValues.Latest(standing) is { } latest ? [ToWire(latest)] : [];
        }

        // If two coordinators executed one write, because the first one seemed lost, the reader receives one value.
        return standing.Siblings.DistinctBy(static sibling => sibling.WriteId == 0 ? (object)sibling.Dot : sibling.WriteId).Select(ToWire);
    }

    /// <summary>The merged value of a typed keyspace.</summary>
    /// <exception cref="EventualFormatException">The stored bytes are no such value.</exception>
    public static TypedValue Typed(SiblingSet state, ConflictPolicy policy) => ToWire(
        SiblingValues.Merge(state, policy.KindOf()!.Value) ?? throw new EventualFormatException("A stored value is of another type than its keyspace."));

    private static TypedValue ToWire(MergeValue value) => value switch
    {
        PnCounter counter => new TypedValue { Counter = (long)Int128.Clamp(counter.Value, long.MinValue, long.MaxValue) },
        AddWinsSet set => new TypedValue { Set = new SetValue { Elements = { set.Elements.Select(static element => Bytes(element.Value)) } } },
        LastWriterRegister { Mark.Dot.Counter: 0 } => new TypedValue(),
        LastWriterRegister register => new TypedValue { Register = Bytes(register.Value) },
        MergeMap map => new TypedValue
        {
            Map = new MapValue { Fields = { map.Fields.Select(static field => new MapField { Name = field.Key, Value = ToWire(field.Value) }) } },
        },
        _ => throw new ArgumentException($"{value.GetType().Name} has no form on the wire.", nameof(value)),
    };

    private static SiblingValue ToWire(Sibling sibling) => new()
    {
        Value = Bytes(sibling.Value),
        WrittenAtMs = sibling.WrittenAt.Milliseconds,
        ExpireAtMs = sibling.ExpireAtMs,
    };

    private static ByteString Bytes(ReadOnlyMemory<byte> bytes) => UnsafeByteOperations.UnsafeWrap(bytes);
}
