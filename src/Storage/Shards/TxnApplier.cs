namespace KvRaft.Storage.Shards;

/// <summary>Runs one <see cref="TxnCommand"/>: all of it, or, when an operation is refused, nothing.</summary>
internal sealed class TxnApplier(ApplyContext context, ShardData data)
{
    public ShardOutcome Apply(TxnCommand txn)
    {
        var succeeded = txn.Compares.All(compare => compare.Condition.HoldsFor(data.Find(compare.Keyspace, compare.Key.Span)));
#if PLANTED_BUGS
        if (PlantedBug.Is("txn-not-compared")) { succeeded = true; }
#endif
        var operations = succeeded ? txn.Then : txn.Else;
        var before = context.State;
        var results = new TxnResult[operations.Count];
        var version = context.NextVersion();
        context.Changes.Mark();
        for (var i = 0; i < results.Length; i++)
        {
#if PLANTED_BUGS
            if (PlantedBug.Is("txn-torn")) { if (i > 0 && version % 16 == 0 && operations[i] is TxnPut) { results[i] = new(0); continue; } }
#endif
            var (refusal, result) = Run(operations[i], version);
            if (refusal != RefusalReason.None)
            {
                context.Changes.RollBack();
                context.State = before;
                return new() { Status = ShardStatus.Refused, Reason = refusal, Succeeded = succeeded };
            }

            results[i] = result;
        }

        context.Changes.Keep();
        return new() { Status = ShardStatus.Applied, Version = version, Succeeded = succeeded, Results = results };
    }

    private (RefusalReason Refusal, TxnResult Result) Run(TxnOperation operation, long version)
    {
        var current = data.Find(operation.Keyspace, operation.Key.Span);
        var previous = current?.Version ?? 0;
        switch (operation)
        {
            case TxnGet:
                return (RefusalReason.None, new(previous, current));
            case TxnPut put:
                data.Put(put.Keyspace, put.Key.Span, put.Value.Span, version, context.InstantOf(put.Expiry));
                return (RefusalReason.None, new(previous));
            case TxnDelete delete:
                data.Remove(delete.Keyspace, delete.Key.Span);
                return (RefusalReason.None, new(previous));
            case TxnIncrement add:
                var sum = Counter.Add(current, add.Delta, add.Initial, add.Min, add.Max);
                if (sum.Refusal == RefusalReason.None)
                {
                    data.Put(add.Keyspace, add.Key.Span, Counter.Format(sum.Value), version, current?.ExpireAtMs ?? context.InstantOf(add.Expiry));
                }

                return (sum.Refusal, new(previous, Counter: sum.Value));
            default:
                throw new InvalidOperationException($"No rule for {operation.GetType()}.");
        }
    }
}
