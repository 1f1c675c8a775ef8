using KvRaft.Storage.Commands;

namespace KvRaft.Storage.Shards;

/// <summary>
/// Options of one replica. Nothing here may change what apply computes (see <see cref="ShardLimits"/>); replicas of one shard may
/// differ in all of it.
/// </summary>
public sealed record ShardSettings
{
    public static readonly ShardSettings Default = new();

    /// <summary>
    /// Rows the ticks this replica asks for may purge, 1 to <see cref="ShardLimits.TickRowsMax"/>. Lower it to spread the deletion
    /// of many keys that expire together over more, smaller entries.
    /// </summary>
    public int TickRows { get; init; } = ShardLimits.TickRowsMax;
}
