using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;
using KvRaft.Storage.Sessions;
using KvRaft.Storage.State;

namespace KvRaft.Storage.Rules;

/// <summary>The effect of each kind of command on the state after the commands before it.</summary>
internal sealed class CommandApplier(ApplyContext context, SessionTable sessions)
{
    private readonly ShardData _data = new(context);

    /// <summary>Applies one encoded command, at most once if it is stamped.</summary>
    /// <exception cref="UnsupportedCommandException">Another version of the software wrote it; this replica must stop.</exception>
    public ShardOutcome Apply(ReadOnlyMemory<byte> bytes)
    {
        DecodedCommand decoded;
        try
        {
            decoded = CommandCodec.Decode(bytes);
        }
        catch (CommandFormatException)
        {
            return Refused(RefusalReason.Malformed);
        }

        var stamp = decoded.Command.Stamp;
        if (stamp.IsNone)
        {
            return Keep(Execute(decoded.Command));
        }

#if PLANTED_BUGS
        if (PlantedBug.Is("retry-applied-twice")) { return Execute(decoded.Command); }
#endif
        if (sessions.Answer(context, stamp, decoded.BodyHash) is { } answer)
        {
            return answer;
        }

        var outcome = Execute(decoded.Command);

        // Nothing was changed, and the proposer is about to send the same stamp again with a higher limit.
        if (outcome.Reason != RefusalReason.AnswerTooLarge)
        {
            sessions.Remember(context, stamp, decoded.BodyHash, outcome);
        }

        return Keep(outcome);
    }

    private ShardOutcome Keep(ShardOutcome outcome) => context.AnswersWanted ? outcome : outcome.WithoutValues();

    private static ShardOutcome Refused(RefusalReason reason) => new() { Status = ShardStatus.Refused, Reason = reason };

    private static ShardOutcome? TooLarge(ShardCommand command, StoredValue? answered) =>
        answered is { } value && value.Value.Length + ShardLimits.AnswerOverheadBytes is var bytes && bytes > command.AnswerBytesMax
            ? new() { Status = ShardStatus.Refused, Reason = RefusalReason.AnswerTooLarge, Affected = bytes }
            : null;

    /// <summary>The value of a key, with its bytes only if they are needed, and whether a condition holds for it.</summary>
    private (StoredValue? Current, bool Holds) Check(KeyspaceId keyspace, ReadOnlySpan<byte> key, Condition condition, bool withValue)
    {
        var current = _data.Find(keyspace, key, withValue || condition.ComparesValue);
        return (current, condition.HoldsFor(current));
    }

    private ShardOutcome Failed(ShardCommand command, KeyspaceId keyspace, ReadOnlySpan<byte> key, StoredValue? current, bool withValue)
    {
        var answered = withValue ? _data.Find(keyspace, key) : null;
        return TooLarge(command, answered) ?? Failed(current, answered);
    }

    private static ShardOutcome Failed(StoredValue? current, StoredValue? answered = null) => new()
    {
        Status = ShardStatus.ConditionFailed,
        Version = current?.Version ?? 0,
        Previous = answered,
    };

    private static ShardOutcome Applied(long version, StoredValue? before, bool withValue = false, long counter = 0, long expireAtMs = 0) => new()
    {
        Status = ShardStatus.Applied,
        Version = version,
        PreviousVersion = before?.Version ?? 0,
        Previous = withValue ? before : null,
        Counter = counter,
        ExpireAtMs = expireAtMs,
    };

    private ShardOutcome Execute(ShardCommand command) => command switch
    {
        PutCommand put => Put(put),
        DeleteCommand delete => Delete(delete),
        TouchCommand touch => Touch(touch),
        IncrementCommand increment => Increment(increment),
        TxnCommand txn => new TxnApplier(context, _data, txn).Apply(),
        DeleteRangeCommand range => DeleteRange(range),
        DropKeyspaceCommand drop => Drop(drop),
        TickCommand tick => Tick(tick),
        _ => throw new InvalidOperationException($"No rule for {command.GetType()}."),
    };

    private ShardOutcome Put(PutCommand put)
    {
        var (current, holds) = Check(put.Keyspace, put.Key.Span, put.Condition, put.ReturnPrevious);
#if PLANTED_BUGS
        if (PlantedBug.Is("cas-not-compared")) { holds |= current is { Version: var seen } && seen % 8 == 0; }
#endif
        if (!holds)
        {
            return Failed(put, put.Keyspace, put.Key.Span, current, put.ReturnPrevious || put.ReturnCurrent);
        }

        if (put.ReturnPrevious && TooLarge(put, current) is { } tooLarge)
        {
            return tooLarge;
        }

        var version = context.NextVersion();
#if PLANTED_BUGS
        if (PlantedBug.Is("ttl-forgotten")) { if (version % 4 == 0) { put = put with { Expiry = Expiry.Never }; } }
#endif
#if PLANTED_BUGS
        if (PlantedBug.Is("clock-in-apply")) { version += Environment.ProcessId % 2; }
#endif
        var expireAtMs = context.InstantOf(put.Expiry);
        _data.Put(put.Keyspace, put.Key.Span, put.Value.Span, version, expireAtMs);
        return Applied(version, current, put.ReturnPrevious, expireAtMs: expireAtMs);
    }

    private ShardOutcome Delete(DeleteCommand delete)
    {
        var (current, holds) = Check(delete.Keyspace, delete.Key.Span, delete.Condition, delete.ReturnPrevious);
        if (!holds)
        {
            return Failed(delete, delete.Keyspace, delete.Key.Span, current, delete.ReturnPrevious || delete.ReturnCurrent);
        }

        if (delete.ReturnPrevious && TooLarge(delete, current) is { } tooLarge)
        {
            return tooLarge;
        }

#if PLANTED_BUGS
        if (PlantedBug.Is("delete-undone") && current is { Version: var at } && at % 4 == 0) { return Applied(context.NextVersion(), current); }
#endif
        _data.Remove(delete.Keyspace, delete.Key.Span);
        return Applied(context.NextVersion(), current, delete.ReturnPrevious);
    }

    private ShardOutcome Touch(TouchCommand touch)
    {
        var current = _data.Find(touch.Keyspace, touch.Key.Span);
        if (current is not { } value || !touch.Condition.HoldsFor(current))
        {
            return Failed(current);
        }

        var version = context.NextVersion();
        var expireAtMs = context.InstantOf(touch.Expiry);
        _data.Put(touch.Keyspace, touch.Key.Span, value.Value.Span, version, expireAtMs);
        return Applied(version, current, expireAtMs: expireAtMs);
    }

    private ShardOutcome Increment(IncrementCommand add)
    {
        var current = _data.Find(add.Keyspace, add.Key.Span);
        if (!add.Condition.HoldsFor(current))
        {
            return Failed(current);
        }

        var sum = Counter.Add(current, add.Delta, add.Initial, add.Min, add.Max);
        if (sum.Refusal != RefusalReason.None)
        {
            return Refused(sum.Refusal);
        }

        var version = context.NextVersion();
        var expireAtMs = current?.ExpireAtMs ?? context.InstantOf(add.Expiry);
#if PLANTED_BUGS
        if (PlantedBug.Is("increment-lost") && version % 16 == 0) { return Applied(version, current, counter: sum.Value, expireAtMs: expireAtMs); }
#endif
        _data.Put(add.Keyspace, add.Key.Span, Counter.Format(sum.Value), version, expireAtMs);
        return Applied(version, current, counter: sum.Value, expireAtMs: expireAtMs);
    }

    private ShardOutcome DeleteRange(DeleteRangeCommand range)
    {
        if (range.AllOrNothing && _data.HoldsMoreThan(range.Keyspace, range.From.Span, range.To.Span, range.KeysMax))
        {
            return Refused(RefusalReason.RangeTooLarge);
        }

        var (removed, resume) = _data.RemoveRange(range.Keyspace, range.From.Span, range.To.Span, range.KeysMax);
        return new() { Status = ShardStatus.Applied, Version = context.NextVersion(), Affected = removed, ResumeKey = resume };
    }

    private ShardOutcome Drop(DropKeyspaceCommand drop) =>
        new() { Status = ShardStatus.Applied, Affected = _data.Drop(drop.Keyspace), Version = context.NextVersion() };

    private ShardOutcome Tick(TickCommand tick)
    {
        var purged = _data.PurgeExpired(tick.RowsMax);
        purged += sessions.PurgeIdle(context, tick.RowsMax - purged);
        return new() { Status = ShardStatus.Applied, Version = context.State.Revision, Affected = purged };
    }
}
