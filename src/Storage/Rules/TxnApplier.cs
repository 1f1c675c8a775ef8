using KvRaft.Storage.Commands;
using KvRaft.Storage.State;

namespace KvRaft.Storage.Rules;

/// <summary>Applies one <see cref="TxnCommand"/> as a whole, or, if an operation is refused or the answer grows too large, not at all.</summary>
internal sealed class TxnApplier(ApplyContext context, ShardData data, TxnCommand txn)
{
    private long _answerBytes;

    public ShardOutcome Apply()
    {
        var succeeded = txn.Compares.All(Holds);
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
                return new()
                {
                    Status = ShardStatus.Refused,
                    Reason = refusal,
                    Succeeded = succeeded,
                    Affected = refusal == RefusalReason.AnswerTooLarge ? _answerBytes : 0,
                };
            }

            results[i] = result;
        }

        context.Changes.Keep();

        // The remembered outcome must not depend on whether the values are kept: beyond this bound they are not remembered in any case.
        var outcome = new ShardOutcome { Status = ShardStatus.Applied, Version = version, Succeeded = succeeded, Results = results, ValueForgotten = !IsKept };
        return IsKept ? outcome : outcome.WithoutValues();
    }

    /// <summary>If no caller waits, values are kept only while all of them may be remembered.</summary>
    private bool IsKept => context.AnswersWanted || _answerBytes <= ShardLimits.RememberedValueBytesMax + (ShardLimits.AnswerOverheadBytes * ShardLimits.TxnOperationsMax);

    private bool Holds(TxnCompare compare) =>
        data.Holds(compare.Condition, compare.Keyspace, compare.Key.Span, data.FindHead(compare.Keyspace, compare.Key.Span));

    private (RefusalReason Refusal, TxnResult Result) Run(TxnOperation operation, long version)
    {
        var answers = operation is TxnGet or TxnPut { ReturnPrevious: true } or TxnDelete { ReturnPrevious: true };
        var current = data.FindHead(operation.Keyspace, operation.Key.Span);
        var previous = current?.Version ?? 0;
        if (answers && current is { } answered && (_answerBytes += answered.ValueBytes + ShardLimits.AnswerOverheadBytes) > txn.AnswerBytesMax)
        {
            return (RefusalReason.AnswerTooLarge, default);
        }

        var answer = answers && current is not null && IsKept ? data.Find(operation.Keyspace, operation.Key.Span) : null;
        switch (operation)
        {
            case TxnGet:
                return (RefusalReason.None, new(previous, answer));
            case TxnPut put:
                data.Put(put.Keyspace, put.Key.Span, put.Value.Span, version, context.InstantOf(put.Expiry));
                return (RefusalReason.None, new(previous, answer));
            case TxnDelete delete:
                data.Remove(delete.Keyspace, delete.Key.Span);
                return (RefusalReason.None, new(previous, answer));
            case TxnIncrement add:
                var sum = data.Add(add.Keyspace, add.Key.Span, current, add.Delta, add.Initial, add.Min, add.Max);
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
