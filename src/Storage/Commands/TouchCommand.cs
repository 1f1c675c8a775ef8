using KvRaft.Storage.Schema;
using static KvRaft.Storage.Commands.SingleKeyOutcomes;

namespace KvRaft.Storage.Commands;

/// <summary>
/// Gives an existing key another expiry (<see cref="Expiry.Never"/> makes it permanent) and, like any write, a new version. If the key is absent, the result is
/// <see cref="ShardStatus.ConditionFailed"/>.
/// </summary>
public sealed record TouchCommand(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key, Expiry Expiry) : ShardCommand
{
    public Condition Condition { get; init; }

    internal static readonly CommandKind Format = new(3, "Touch", ReadBody);

    internal override CommandKind Kind => Format;

    internal override void WriteBody(CommandWriter body)
    {
        body.Expiry(Expiry);
        body.Options();
        body.Key(Keyspace, Key);
        body.Condition(Condition);
    }

    internal static ShardCommand? ReadBody(ref CommandReader body)
    {
        body.NoOptions();
        return new TouchCommand(body.Keyspace(), body.Key(), body.Expiry()) { Condition = body.Condition() };
    }

    internal override ShardOutcome Apply(IApplyScope shard)
    {
        var (current, holds) = shard.Check(Keyspace, Key.Span, Condition);
        if (!holds || shard.Find(Keyspace, Key.Span) is not { } value)
        {
            return Failed(current);
        }

        var version = shard.NextVersion();
        var expireAtMs = shard.InstantOf(Expiry);
        shard.Put(Keyspace, Key.Span, value.Value.Span, version, expireAtMs);
        return Applied(version, current, expireAtMs: expireAtMs);
    }
}
