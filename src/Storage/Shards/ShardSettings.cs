using KvRaft.Storage.Commands;

namespace KvRaft.Storage.Shards;

/// <summary>
/// Options of one replica. None of them may change the results of apply (see <see cref="ShardLimits"/>); replicas of one shard may
/// differ in all of them.
/// </summary>
public sealed record ShardSettings
{
    public static readonly ShardSettings Default = new();

    /// <summary>
    /// Rows that a tick of this replica may purge, 1 to <see cref="ShardLimits.TickRowsMax"/>. A lower value spreads the deletion
    /// of many keys that expire together over more, smaller entries.
    /// </summary>
    public int TickRows { get; init; } = ShardLimits.TickRowsMax;
}
