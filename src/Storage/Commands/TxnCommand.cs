using KvRaft.Storage.Schema;

namespace KvRaft.Storage.Commands;

/// <summary>
/// Changes several keys of one shard in one step: if every comparison holds, <see cref="Then"/> runs, otherwise <see cref="Else"/>.
/// Operations run in order and see the results of earlier ones; everything they write gets one version. If one of them is refused (an increment
/// out of bounds, an answer larger than <see cref="ShardCommand.AnswerBytesMax"/>), no part of the command is applied, and
/// <see cref="ShardOutcome.Reason"/> holds the reason.
/// At most <see cref="ShardLimits.TxnOperationsMax"/> comparisons and operations together.
/// </summary>
public sealed record TxnCommand(
    IReadOnlyList<TxnCompare> Compares,
    IReadOnlyList<TxnOperation> Then,
    IReadOnlyList<TxnOperation> Else) : ShardCommand
{
    internal static readonly CommandKind Format = new(5, "Txn", ReadBody);

    internal override CommandKind Kind => Format;

    internal override void WriteBody(CommandWriter body)
    {
        CommandWriter.ThrowUnlessWithin(Compares.Count + Then.Count + Else.Count, ShardLimits.TxnOperationsMax, "operations in a transaction");
        body.Count(Compares.Count);
        foreach (var compare in Compares)
        {
            body.Key(compare.Keyspace, compare.Key);
            body.Condition(compare.Condition);
        }

        Write(body, Then);
        Write(body, Else);
    }

    internal static ShardCommand? ReadBody(ref CommandReader body)
    {
        var compares = new TxnCompare[body.Count(ShardLimits.TxnOperationsMax)];
        for (var i = 0; i < compares.Length && !body.Failed; i++)
        {
            compares[i] = new(body.Keyspace(), body.Key(), body.Condition());
        }

        var then = Read(ref body);
        var otherwise = Read(ref body);
        return then is null || otherwise is null || compares.Length + then.Length + otherwise.Length > ShardLimits.TxnOperationsMax
            ? null
            : new TxnCommand(compares, then, otherwise);
    }

    internal override ShardOutcome Apply(IApplyScope shard)
    {
        var succeeded = EveryCompareHolds(shard);
        var operations = succeeded ? Then : Else;
        var results = new TxnResult[operations.Count];
        var answer = new TxnAnswer(this, shard);
        shard.Mark();
        var version = shard.NextVersion();
        for (var i = 0; i < results.Length; i++)
        {
            var (refusal, result) = operations[i].Run(shard, answer, version);
            if (refusal != RefusalReason.None)
            {
                shard.RollBack();
                return new()
                {
                    Status = ShardStatus.Refused,
                    Reason = refusal,
                    Succeeded = succeeded,
                    Affected = refusal == RefusalReason.AnswerTooLarge ? answer.Bytes : 0,
                };
            }

            results[i] = result;
        }

        shard.Keep();

        // The remembered outcome must not depend on whether the values are kept: beyond this bound they are not remembered in any case.
        var outcome = new ShardOutcome { Status = ShardStatus.Applied, Version = version, Succeeded = succeeded, Results = results, ValueForgotten = !answer.IsKept };
        return answer.IsKept ? outcome : outcome.WithoutValues();
    }

    private bool EveryCompareHolds(IApplyScope shard)
    {
        for (var i = 0; i < Compares.Count; i++)
        {
            var compare = Compares[i];
            if (!shard.Check(compare.Keyspace, compare.Key.Span, compare.Condition).Holds)
            {
                return false;
            }
        }

        return true;
    }

    private static void Write(CommandWriter body, IReadOnlyList<TxnOperation> operations)
    {
        body.Count(operations.Count);
        foreach (var operation in operations)
        {
            operation.WriteBody(body);
        }
    }

    private static TxnOperation[]? Read(ref CommandReader body)
    {
        var operations = new TxnOperation[body.Count(ShardLimits.TxnOperationsMax)];
        for (var i = 0; i < operations.Length; i++)
        {
            if (TxnOperation.ReadBody(ref body) is not { } operation || body.Failed)
            {
                return null;
            }

            operations[i] = operation;
        }

        return operations;
    }
}

/// <summary>One comparison of a <see cref="TxnCommand"/>.</summary>
public sealed record TxnCompare(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key, Condition Condition);
