namespace KvRaft.Storage.Shards;

/// <summary>What each kind of command does, given the state as the commands before it left it.</summary>
internal sealed class CommandApplier(ApplyContext context, SessionTable sessions)
{
    private readonly ShardData _data = new(context);

    /// <summary>Applies one encoded command, at most once if it is stamped.</summary>
    /// <exception cref="UnsupportedCommandException">Other software wrote it; this replica must not go on.</exception>
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
            return Execute(decoded.Command);
        }

#if PLANTED_BUGS
        if (PlantedBug.Is("retry-applied-twice")) { return Execute(decoded.Command); }
#endif
        if (sessions.Answer(context, stamp, decoded.BodyHash) is { } answer)
        {
            return answer;
        }

        var outcome = Execute(decoded.Command);
        sessions.Remember(context, stamp, decoded.BodyHash, outcome);
        return outcome;
    }

    private static ShardOutcome Refused(RefusalReason reason) => new() { Status = ShardStatus.Refused, Reason = reason };

    private static ShardOutcome Failed(StoredValue? current, bool withValue) => new()
    {
        Status = ShardStatus.ConditionFailed,
        Version = current?.Version ?? 0,
        Previous = withValue ? current : null,
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
        TxnCommand txn => new TxnApplier(context, _data).Apply(txn),
        DeleteRangeCommand range => DeleteRange(range),
        DropKeyspaceCommand drop => Drop(drop),
        TickCommand tick => Tick(tick),
        _ => throw new InvalidOperationException($"No rule for {command.GetType()}."),
    };

    private ShardOutcome Put(PutCommand put)
    {
        var current = _data.Find(put.Keyspace, put.Key.Span);
#if PLANTED_BUGS
        if (PlantedBug.Is("cas-not-compared")) { put = current is { Version: var seen } && seen % 8 == 0 ? put with { Condition = default } : put; }
#endif
        if (!put.Condition.HoldsFor(current))
        {
            return Failed(current, put.ReturnPrevious);
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
        var current = _data.Find(delete.Keyspace, delete.Key.Span);
        if (!delete.Condition.HoldsFor(current))
        {
            return Failed(current, delete.ReturnPrevious);
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
            return Failed(current, withValue: false);
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
            return Failed(current, withValue: false);
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
