using KvRaft.Storage.Schema;
using static KvRaft.Storage.Commands.SingleKeyOutcomes;

namespace KvRaft.Storage.Commands;

/// <summary>
/// Adds to a number stored as decimal text. An absent key counts as <see cref="Initial"/> before the addition and takes
/// <see cref="Expiry"/>; an existing one keeps its expiry. If the result is outside [<see cref="Min"/>, <see cref="Max"/>] or the value
/// is not a number, the increment is refused and changes nothing.
/// </summary>
public sealed record IncrementCommand(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key, long Delta) : ShardCommand
{
    public long Initial { get; init; }

    public long Min { get; init; } = long.MinValue;

    public long Max { get; init; } = long.MaxValue;

    public Condition Condition { get; init; }

    public Expiry Expiry { get; init; }

    internal static readonly CommandKind Format = new(4, "Increment", ReadBody);

    internal override CommandKind Kind => Format;

    internal override void WriteBody(CommandWriter body)
    {
        body.Expiry(Expiry);
        body.Options();
        body.Key(Keyspace, Key);
        body.Addition(new(Delta, Initial, Min, Max));
        body.Condition(Condition);
    }

    internal static ShardCommand? ReadBody(ref CommandReader body)
    {
        body.NoOptions();
        var (keyspace, key, addition) = (body.Keyspace(), body.Key(), body.Addition());
        return new IncrementCommand(keyspace, key, addition.Delta)
        {
            Initial = addition.Initial,
            Min = addition.Min,
            Max = addition.Max,
            Expiry = body.Expiry(),
            Condition = body.Condition(),
        };
    }

    internal override ShardOutcome Apply(IApplyScope shard)
    {
        var (current, holds) = shard.Check(Keyspace, Key.Span, Condition);
        if (!holds)
        {
            return Failed(current);
        }

        var sum = shard.Add(Keyspace, Key.Span, current, new(Delta, Initial, Min, Max));
        if (sum.Refusal != RefusalReason.None)
        {
            return Refused(sum.Refusal);
        }

        var version = shard.NextVersion();
        var expireAtMs = current?.ExpireAtMs ?? shard.InstantOf(Expiry);
        shard.Put(Keyspace, Key.Span, Counter.Format(sum.Value), version, expireAtMs);
        return Applied(version, current, counter: sum.Value, expireAtMs: expireAtMs);
    }
}
