using KvRaft.Storage.Schema;

namespace KvRaft.Storage.Commands;

/// <summary>Deletes all keys of a keyspace in this shard, in one step, whatever their number.</summary>
public sealed record DropKeyspaceCommand(KeyspaceId Keyspace) : ShardCommand
{
    internal static readonly CommandKind Format = new(7, "DropKeyspace", ReadBody);

    internal override CommandKind Kind => Format;

    internal override void WriteBody(CommandWriter body) => body.Keyspace(Keyspace);

    internal static ShardCommand? ReadBody(ref CommandReader body) => new DropKeyspaceCommand(body.Keyspace());

    internal override ShardOutcome Apply(IApplyScope shard) =>
        new() { Status = ShardStatus.Applied, Affected = shard.Drop(Keyspace), Version = shard.NextVersion() };
}
