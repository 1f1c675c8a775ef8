using KvRaft.Storage.Schema;
using static KvRaft.Storage.Commands.SingleKeyOutcomes;

namespace KvRaft.Storage.Commands;

/// <summary>
/// Deletes keys of [<see cref="From"/>, <see cref="To"/>) in order, at most <see cref="KeysMax"/> in this entry; the outcome holds
/// where to continue (<see cref="ShardOutcome.ResumeKey"/>). An empty <see cref="To"/> means the end of the keyspace.
/// </summary>
public sealed record DeleteRangeCommand(KeyspaceId Keyspace, ReadOnlyMemory<byte> From, ReadOnlyMemory<byte> To, int KeysMax) : ShardCommand
{
    /// <summary>
    /// Refuse, with <see cref="RefusalReason.RangeTooLarge"/>, instead of deleting a part: readers see all keys of the range or
    /// none. Expired keys that are not purged yet count as well.
    /// </summary>
    public bool AllOrNothing { get; init; }

    internal static readonly CommandKind Format = new(6, "DeleteRange", ReadBody);
    internal static readonly CommandKind WholeFormat = new(9, "DeleteWholeRange", ReadWholeBody);

    internal override CommandKind Kind => AllOrNothing ? WholeFormat : Format;

    internal override void WriteBody(CommandWriter body)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(KeysMax);
        CommandWriter.ThrowUnlessWithin(KeysMax, ShardLimits.DeleteRangeKeysMax, "keys in a range deletion");
        body.Keyspace(Keyspace);
        body.Key(From);
        body.Key(To);
        body.Count(KeysMax);
    }

    internal static ShardCommand? ReadBody(ref CommandReader body) => Read(ref body);

    internal static ShardCommand? ReadWholeBody(ref CommandReader body) => Read(ref body) is { } range ? range with { AllOrNothing = true } : null;

    internal override ShardOutcome Apply(IApplyScope shard)
    {
        if (AllOrNothing && shard.HoldsMoreThan(Keyspace, From.Span, To.Span, KeysMax))
        {
            return Refused(RefusalReason.RangeTooLarge);
        }

        var (removed, resume) = shard.RemoveRange(Keyspace, From.Span, To.Span, KeysMax);
        return new() { Status = ShardStatus.Applied, Version = shard.NextVersion(), Affected = removed, ResumeKey = resume };
    }

    private static DeleteRangeCommand? Read(ref CommandReader body)
    {
        var (keyspace, from, to, keysMax) = (body.Keyspace(), body.Key(), body.Key(), body.Count(ShardLimits.DeleteRangeKeysMax));
        return keysMax == 0 ? null : new(keyspace, from, to, keysMax);
    }
}
