using KvRaft.Storage.Schema;
using static KvRaft.Storage.Commands.SingleKeyOutcomes;

namespace KvRaft.Storage.Commands;

/// <summary>Writes a value; replaces the previous value and its expiry.</summary>
public sealed record PutCommand(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value) : ShardCommand
{
    public Condition Condition { get; init; }

    public Expiry Expiry { get; init; }

    /// <summary>Return the previous value as well; if the condition failed, return the current value.</summary>
    public bool ReturnPrevious { get; init; }

    /// <summary>Return the current value if the condition failed, and only then.</summary>
    public bool ReturnCurrent { get; init; }

    internal static readonly CommandKind Format = new(1, "Put", ReadBody);

    internal override CommandKind Kind => Format;

    internal override void WriteBody(CommandWriter body)
    {
        body.Expiry(Expiry);
        body.Options(ReturnPrevious, ReturnCurrent);
        body.Key(Keyspace, Key);
        body.Value(Value);
        body.Condition(Condition);
    }

    internal static ShardCommand? ReadBody(ref CommandReader body)
    {
        var (previous, current) = body.Options();
        return new PutCommand(body.Keyspace(), body.Key(), body.Value())
        {
            Expiry = body.Expiry(),
            ReturnPrevious = previous,
            ReturnCurrent = current,
            Condition = body.Condition(),
        };
    }

    internal override ShardOutcome Apply(IApplyScope shard)
    {
        var (current, holds) = shard.Check(Keyspace, Key.Span, Condition);
        if (!holds)
        {
            return this.Failed(shard, Keyspace, Key.Span, current, ReturnPrevious || ReturnCurrent);
        }

        if (ReturnPrevious && this.TooLarge(current) is { } tooLarge)
        {
            return tooLarge;
        }

        var previous = ReturnPrevious ? shard.Find(Keyspace, Key.Span) : null;
        var version = shard.NextVersion();
        var expireAtMs = shard.InstantOf(Expiry);
        shard.Put(Keyspace, Key.Span, Value.Span, version, expireAtMs);
        return Applied(version, current, previous, expireAtMs: expireAtMs);
    }
}
