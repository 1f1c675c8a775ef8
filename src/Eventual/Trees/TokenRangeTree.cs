using System.IO.Hashing;
using KvRaft.Topology;

namespace KvRaft.Eventual.Trees;

/// <summary>
/// The Merkle tree of one keyspace in one token range, two levels deep: a hash for each bucket, and one over them. The hash of a bucket is the
/// sum of the hashes of its records, so a write subtracts the old hash and adds the new one, and no scan is needed
/// to maintain it. Two replicas with equal trees hold equal records, except with a probability of 2^-64. For one thread.
/// </summary>
public sealed class TokenRangeTree
{
    private readonly ulong[] _buckets = new ulong[LeafPlace.Buckets];

    public ReadOnlySpan<ulong> Buckets => _buckets;

    /// <summary>0 if the token range is empty.</summary>
    public ulong Root => RootOf(_buckets);

    /// <summary>The contribution of a record: a hash of its key and of the bytes of its state; 0 for no record.</summary>
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

    /// <summary>Replaces the hash of a record that changed. Either hash is 0 if there is no record.</summary>
    /// <returns>The new hash of the bucket.</returns>
    public ulong Replace(int bucket, ulong before, ulong after) => _buckets[bucket] = unchecked(_buckets[bucket] - before + after);

    /// <summary>Sets a bucket that was read from the store.</summary>
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
