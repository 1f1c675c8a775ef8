using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Values;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>Gives the writes of a replica their dots and times. One caller at a time.</summary>
internal sealed class WriteNames(ulong incarnation, ulong start)
{
    private readonly EpochSource _epochs = new(start);
    private HybridClock _clock;

    /// <summary>
    /// Whether a context can hold this dot. It cannot if it claims a write of this replica that the replica never made and the record has not seen. Its
    /// claims about
    /// other replicas cannot be checked here.
    /// </summary>
    public bool CouldBe(Dot claimed, StoredRecord record) =>
        claimed.Actor.Incarnation != incarnation || record.State.Seen.Contains(claimed)
        || (claimed.Actor.Epoch <= _epochs.Last && claimed.Actor != record.Writer);

    /// <summary>
    /// The actor that this replica writes the record as: the same as before, if the replica has an unbroken record of it and a counter is left; otherwise a
    /// new one. A new
    /// actor is new to the record, too, whatever the state of another node claims.
    /// </summary>
    public ActorId WriterOf(StoredRecord record)
    {
        if (record.Writer is { } writer && writer.Incarnation == incarnation && record.State.Seen[writer] < SiblingSetCodec.CounterMax)
        {
            return writer;
        }

        ActorId next;
        do
        {
            next = new ActorId(incarnation, _epochs.Next());
        }
        while (record.State.Seen[next] > 0);

        return next;
    }

    public HybridStamp Stamp(long nowMs) => (_clock = _clock.Tick(nowMs)).Last;

    public void Hear(SiblingSet state, long nowMs)
    {
        foreach (var sibling in state.Siblings)
        {
            _clock = _clock.Hear(sibling.WrittenAt, nowMs);
        }
    }
}

/// <summary>The effect of each write on a record: functions of the record, the write, and the given dots and times.</summary>
internal static class RecordRules
{
    public static (StoredRecord Record, WriteEnd End) Put(
        StoredRecord before, PutValue put, WriteNames names, long nowMs, EventualLimits limits)
    {
        if (IsAhead(before, put.Context, names))
        {
            return (before, WriteEnd.ContextAhead);
        }

        if (Earlier(before, put.WriteId, put.OnlyAsRepeat) is { } known)
        {
            return (before, known);
        }

        var context = put.Policy == ConflictPolicy.LastWriter ? before.State.Seen.Merge(put.Context) : put.Context;
        var after = Write(before, context, put.Value, put.ExpireAtMs, put.WriteId, names, nowMs);
        return (after, EndOf(before, after, limits));
    }

    public static (StoredRecord Record, WriteEnd End) Delete(StoredRecord before, DeleteSeen delete, WriteNames names)
    {
        if (IsAhead(before, delete.Context, names))
        {
            return (before, WriteEnd.ContextAhead);
        }

        var context = delete.Policy == ConflictPolicy.Siblings ? delete.Context : before.State.Seen.Merge(delete.Context);
        return (before with { State = before.State.Delete(context) }, WriteEnd.Applied);
    }

    /// <exception cref="EventualFormatException">A stored value is malformed for its kind.</exception>
    public static (StoredRecord Record, WriteEnd End) Change(
        StoredRecord before, ChangeValue change, WriteNames names, long nowMs, EventualLimits limits)
    {
        if (Earlier(before, change.WriteId, change.OnlyAsRepeat) is { } known)
        {
            return (before, known);
        }

        var writer = names.WriterOf(before);
        var mark = new WriteMark(new Dot(writer, before.State.Seen[writer] + 1), names.Stamp(nowMs));
        if (SiblingValues.Merge(before.State, change.Change.Kind) is not { } merged || change.Change.ApplyTo(merged, mark) is not { } changed)
        {
            return (before, WriteEnd.NotApplicable);
        }

        var sibling = new Sibling { Dot = mark.Dot, WrittenAt = mark.At, WriteId = change.WriteId, Value = MergeValueCodec.Encode(changed) };
        var after = new StoredRecord(writer, before.State.Write(before.State.Seen, sibling));
        return (after, EndOf(before, after, limits));
    }

    public static StoredRecord Take(StoredRecord before, SiblingSet state, WriteNames names, long nowMs)
    {
        names.Hear(state, nowMs);
        return before with { State = before.State.Merge(state) };
    }

    private static StoredRecord Write(
        StoredRecord before, VersionVector context, ReadOnlyMemory<byte> value, long expireAtMs, UInt128 writeId, WriteNames names, long nowMs)
    {
        var writer = names.WriterOf(before);
        var sibling = new Sibling
        {
            Dot = new Dot(writer, before.State.Seen[writer] + 1),
            WrittenAt = names.Stamp(nowMs),
            ExpireAtMs = expireAtMs,
            WriteId = writeId,
            Value = value,
        };
        return new StoredRecord(writer, before.State.Write(context, sibling));
    }

    private static bool IsAhead(StoredRecord before, VersionVector context, WriteNames names) =>
        context.Entries.Any(entry => !names.CouldBe(entry, before));

    /// <summary>The result that follows from an earlier write of the same identity; null if the write is to be executed.</summary>
    private static WriteEnd? Earlier(StoredRecord before, UInt128 writeId, bool onlyAsRepeat)
    {
        var known = before.State.Siblings.FirstOrDefault(sibling => WriteName.HaveOneIdentity(sibling.WriteId, writeId));
        return known is null ? onlyAsRepeat ? WriteEnd.NoRepeat : null
            : known.WriteId == writeId ? WriteEnd.Applied
            : WriteEnd.IdentityReused;
    }

    // If a write leaves no more than there was before, it is accepted even above the limit: only so can a key return below it.
    private static WriteEnd EndOf(StoredRecord before, StoredRecord after, EventualLimits limits)
    {
        var (count, bytes) = (after.State.Siblings.Length, Bytes(after.State));
        return (count > limits.SiblingsMax && count > before.State.Siblings.Length)
            || (bytes > limits.SiblingBytesMax && bytes > Bytes(before.State))
                ? WriteEnd.TooManySiblings
                : WriteEnd.Applied;
    }

    private static long Bytes(SiblingSet state) => state.Siblings.Sum(static sibling => (long)sibling.Value.Length);
}
