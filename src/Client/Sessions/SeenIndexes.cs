using System.Collections.Concurrent;
using System.Globalization;
using KvRaft.Client.Failures;
using KvRaft.V1;

namespace KvRaft.Client.Sessions;

/// <summary>
/// The highest log index of each shard that this client has seen applied. A write contains the index of its shard: it proves to a shard that has
/// discarded idle sessions that the write is new, without a comparison of clocks. Thread-safe.
/// </summary>
internal sealed class SeenIndexes
{
    private ConcurrentDictionary<int, long> _indexes = new();

    /// <summary>Null: no index of the shard was seen, or the shard is unknown.</summary>
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

    /// <summary>Another cluster uses the same addresses: its logs are different.</summary>
    public void Clear() => _indexes = new();

    private void Saw(int shard, long index)
    {
        // Usually nothing is allocated and no lock is taken.
        var indexes = _indexes;
        if (!indexes.TryGetValue(shard, out var known) || index > known)
        {
            indexes.AddOrUpdate(shard, static (_, seen) => seen, static (_, before, seen) => Math.Max(before, seen), index);
        }
    }
}
