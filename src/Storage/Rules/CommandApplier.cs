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

    /// <summary>The refusal of an answer with this value, before its bytes are read.</summary>
    private static ShardOutcome? TooLarge(ShardCommand command, RowHead? answered) =>
        answered is { } value && value.ValueBytes + ShardLimits.AnswerOverheadBytes is var bytes && bytes > command.AnswerBytesMax
            ? new() { Status = ShardStatus.Refused, Reason = RefusalReason.AnswerTooLarge, Affected = bytes }
            : null;

    /// <summary>The head of a key, and whether a condition holds for it.</summary>
    private (RowHead? Current, bool Holds) Check(KeyspaceId keyspace, ReadOnlySpan<byte> key, Condition condition)
    {
        var current = _data.FindHead(keyspace, key);
        return (current, _data.Holds(condition, keyspace, key, current));
    }

    private ShardOutcome Failed(ShardCommand command, KeyspaceId keyspace, ReadOnlySpan<byte> key, RowHead? current, bool withValue) =>
        (withValue ? TooLarge(command, current) : null) ?? Failed(current, withValue ? _data.Find(keyspace, key) : null);

    private static ShardOutcome Failed(RowHead? current, StoredValue? answered = null) => new()
    {
        Status = ShardStatus.ConditionFailed,
        Version = current?.Version ?? 0,
        Previous = answered,
    };

    private static ShardOutcome Applied(long version, RowHead? before, StoredValue? answered = null, long counter = 0, long expireAtMs = 0) => new()
    {
        Status = ShardStatus.Applied,
        Version = version,
        PreviousVersion = before?.Version ?? 0,
        Previous = answered,
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
        var (current, holds) = Check(put.Keyspace, put.Key.Span, put.Condition);
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

        var previous = put.ReturnPrevious ? _data.Find(put.Keyspace, put.Key.Span) : null;
        var version = context.NextVersion();
#if PLANTED_BUGS
        if (PlantedBug.Is("ttl-forgotten")) { if (version % 4 == 0) { put = put with { Expiry = Expiry.Never }; } }
#endif
#if PLANTED_BUGS
        if (PlantedBug.Is("clock-in-apply")) { version += Environment.ProcessId % 2; }
#endif
        var expireAtMs = context.InstantOf(put.Expiry);
        _data.Put(put.Keyspace, put.Key.Span, put.Value.Span, version, expireAtMs);
        return Applied(version, current, previous, expireAtMs: expireAtMs);
    }

    private ShardOutcome Delete(DeleteCommand delete)
    {
        var (current, holds) = Check(delete.Keyspace, delete.Key.Span, delete.Condition);
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
        var previous = delete.ReturnPrevious ? _data.Find(delete.Keyspace, delete.Key.Span) : null;
        _data.Remove(delete.Keyspace, delete.Key.Span);
        return Applied(context.NextVersion(), current, previous);
    }

    private ShardOutcome Touch(TouchCommand touch)
    {
        var (current, holds) = Check(touch.Keyspace, touch.Key.Span, touch.Condition);
        if (!holds || _data.Find(touch.Keyspace, touch.Key.Span) is not { } value)
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
        var (current, holds) = Check(add.Keyspace, add.Key.Span, add.Condition);
        if (!holds)
        {
            return Failed(current);
        }

        var sum = _data.Add(add.Keyspace, add.Key.Span, current, add.Delta, add.Initial, add.Min, add.Max);
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
