using System.Text;

namespace KvRaft.Benchmarks.Load;

/// <summary>
/// The keys and values of a run, all created in advance so that the measuring loop allocates nothing. Values are random slices of one block of random
/// bytes: they differ, and cannot be compressed. Thread-safe.
/// </summary>
internal sealed class Dataset
{
    /// <summary>1 MiB more than the largest value: enough positions that consecutive equal values are rare.</summary>
    private const int SpareBytes = 1 << 20;

    private readonly byte[][] _keys;
    private readonly byte[] _block;

    public Dataset(int keys, int valueBytesMax, int seed)
    {
        _keys = [.. Enumerable.Range(0, keys).Select(static i => Encoding.ASCII.GetBytes($"bench/{i:x8}"))];
        _block = new byte[valueBytesMax + SpareBytes];
        new Random(seed).NextBytes(_block);
    }

    public int Count => _keys.Length;

    public ReadOnlyMemory<byte> Key(int index) => _keys[index];

    public ReadOnlyMemory<byte> AnyKey(Random chance) => _keys[chance.Next(_keys.Length)];

    public ReadOnlyMemory<byte> AnyValue(Random chance, int bytes) => _block.AsMemory(chance.Next(_block.Length - bytes), bytes);
}
