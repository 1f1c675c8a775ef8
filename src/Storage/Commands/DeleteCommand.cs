using KvRaft.Storage.Schema;
using static KvRaft.Storage.Commands.SingleKeyOutcomes;

namespace KvRaft.Storage.Commands;

/// <summary>Removes a key. If the key is absent, the delete is applied, with <see cref="ShardOutcome.PreviousVersion"/> 0.</summary>
public sealed record DeleteCommand(KeyspaceId Keyspace, ReadOnlyMemory<byte> Key) : ShardCommand
{
    public Condition Condition { get; init; }

    /// <inheritdoc cref="PutCommand.ReturnPrevious"/>
    public bool ReturnPrevious { get; init; }

    /// <inheritdoc cref="PutCommand.ReturnCurrent"/>
    public bool ReturnCurrent { get; init; }

    internal static readonly CommandKind Format = new(2, "Delete", ReadBody);

    internal override CommandKind Kind => Format;

    internal override void WriteBody(CommandWriter body)
    {
        body.Options(ReturnPrevious, ReturnCurrent);
        body.Key(Keyspace, Key);
        body.Condition(Condition);
    }

    internal static ShardCommand? ReadBody(ref CommandReader body)
    {
        var (previous, current) = body.Options();
        return new DeleteCommand(body.Keyspace(), body.Key())
        {
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
        shard.Remove(Keyspace, Key.Span);
        return Applied(shard.NextVersion(), current, previous);
    }
}
