using System.Collections.Concurrent;
using System.Globalization;
using KvRaft.Client.Routing;
using KvRaft.V1;

namespace KvRaft.Client.Sessions;

/// <summary>
/// The highest log index of each shard that this client has seen applied. A write carries the one of its shard: it proves to a shard that
/// has forgotten idle sessions that this write is new, without comparing clocks. Safe for many threads.
/// </summary>
internal sealed class SeenIndexes
{
    private ConcurrentDictionary<int, long> _indexes = new();

    /// <summary>Null: nothing was seen of the shard, or the shard is not known.</summary>
    public SeenIndex? Of(int? shard) =>
        shard is { } known && _indexes.TryGetValue(known, out var index) ? new SeenIndex { Shard = known, Index = index } : null;

    public void Saw(ResponseHeader header)
    {
        if (header.AppliedIndex > 0)
        {
            Saw(header.Shard, header.AppliedIndex);
        }
    }

    /// <summary>The index in a refusal of an unknown session; null if the failure has none.</summary>
    public SeenIndex? Saw(Failure failure)
    {
        if (!failure.Details.TryGetValue(ErrorReasons.AfterShardKey, out var shardText) || !failure.Details.TryGetValue(ErrorReasons.AfterIndexKey, out var indexText)
            || !int.TryParse(shardText, NumberStyles.None, CultureInfo.InvariantCulture, out var shard)
            || !long.TryParse(indexText, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
        {
            return null;
        }

        Saw(shard, index);
        return new SeenIndex { Shard = shard, Index = index };
    }

    /// <summary>Another cluster answers under the same addresses: its logs are others.</summary>
    public void Clear() => _indexes = new();

    private void Saw(int shard, long index)
    {
        // The common case allocates nothing and takes no lock.
        var indexes = _indexes;
        if (!indexes.TryGetValue(shard, out var known) || index > known)
        {
            indexes.AddOrUpdate(shard, static (_, seen) => seen, static (_, before, seen) => Math.Max(before, seen), index);
        }
    }
}
