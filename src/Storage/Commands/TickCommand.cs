namespace KvRaft.Storage.Commands;

/// <summary>
/// Advances the time only: the entry's <see cref="CommittedEntry.ProposedAtMs"/> moves the clock of the shard, and up to
/// <see cref="RowsMax"/> expired keys and idle sessions are purged. The command carries the bound, so that all
/// replicas purge alike, whatever their options are.
/// </summary>
public sealed record TickCommand(int RowsMax) : ShardCommand
{
    internal static readonly CommandKind Format = new(8, "Tick", ReadBody);

    internal override CommandKind Kind => Format;

    internal override void WriteBody(CommandWriter body)
    {
        CommandWriter.ThrowUnlessWithin(RowsMax, ShardLimits.TickRowsMax, "rows in a tick");
        body.Count(RowsMax);
    }

    internal static ShardCommand? ReadBody(ref CommandReader body) => new TickCommand(body.Count(ShardLimits.TickRowsMax));

    internal override ShardOutcome Apply(IApplyScope shard)
    {
        var purged = shard.Purge(RowsMax);
        return new() { Status = ShardStatus.Applied, Version = shard.Revision, Affected = purged };
    }
}
