using System.IO.Hashing;
using KvRaft.Topology;

namespace KvRaft.Eventual.Trees;

/// <summary>
/// The Merkle tree of one keyspace's part in one arc, two levels deep: a hash for each bucket, and one over them. A bucket's hash is the
/// sum of its records' hashes, so a write changes it by subtracting what was there and adding what is; nothing is ever scanned to
/// keep it. Two replicas with equal trees hold equal records, up to chance of one in 2^64. For one thread.
/// </summary>
public sealed class ArcTree
{
    private readonly ulong[] _buckets = new ulong[LeafPlace.Buckets];

    public ReadOnlySpan<ulong> Buckets => _buckets;

    /// <summary>0 if there is nothing in the arc.</summary>
    public ulong Root => RootOf(_buckets);

    /// <summary>What a record counts for: a hash of its key and of the bytes of its state; 0 for none.</summary>
    public static ulong HashOf(KeyspaceId keyspace, ReadOnlySpan<byte> key, ReadOnlySpan<byte> state)
    {
        if (state.IsEmpty)
        {
            return 0;
        }

        var hash = new XxHash3(keyspace.Value);
        Span<byte> length = stackalloc byte[sizeof(int)];
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(length, key.Length);
        hash.Append(length);
        hash.Append(key);
        hash.Append(state);
        return hash.GetCurrentHashAsUInt64();
    }

    public static ulong RootOf(ReadOnlySpan<ulong> buckets)
    {
        if (buckets.IndexOfAnyExcept(0UL) < 0)
        {
            return 0;
        }

        Span<byte> bytes = stackalloc byte[LeafPlace.Buckets * sizeof(ulong)];
        for (var i = 0; i < buckets.Length; i++)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(bytes[(i * sizeof(ulong))..], buckets[i]);
        }

        return XxHash3.HashToUInt64(bytes);
    }

    /// <summary>A record changed. Either hash is 0 if there is no record.</summary>
    /// <returns>The bucket's new hash.</returns>
    public ulong Replace(int bucket, ulong before, ulong after) => _buckets[bucket] = unchecked(_buckets[bucket] - before + after);

    /// <summary>For loading what was stored.</summary>
    public void Set(int bucket, ulong hash) => _buckets[bucket] = hash;

    /// <summary>The buckets in which two trees differ.</summary>
    public static IEnumerable<int> Differences(IReadOnlyList<ulong> ours, IReadOnlyList<ulong> theirs)
    {
        for (var i = 0; i < LeafPlace.Buckets; i++)
        {
            if (ours[i] != theirs[i])
            {
                yield return i;
            }
        }
    }
}
