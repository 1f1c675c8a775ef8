using System.IO.Hashing;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Schema;
using KvRaft.Storage.State;

namespace KvRaft.Storage.Shards;

/// <summary>
/// XxHash3 over all rows in key order, with their lengths. All rows count: the stored state is a function of the log, including expired keys
/// that were not purged yet. Only the position is left out of the state row, so that replicas can be compared whose last entries
/// differ in no-ops proposed at one moment.
/// </summary>
internal static class ShardDigest
{
    /// <param name="snapshot">The state.</param>
    /// <param name="read">Receives the number of bytes of each row.</param>
    public static ulong Of(IEngineSnapshot snapshot, Action<int>? read = null)
    {
        var hash = new XxHash3();
        var frame = new ByteWriter();
        using var rows = snapshot.Scan([], []);
        while (rows.MoveNext())
        {
            var value = rows.Key.SequenceEqual(KeyLayout.ShardState) ? WithoutPosition(rows.Value) : rows.Value;
            frame.Clear();
            frame.Bytes(rows.Key);
            frame.Bytes(value);
            hash.Append(frame.Written);
            read?.Invoke(frame.Written.Length);
        }

        return hash.GetCurrentHashAsUInt64();
    }

    private static byte[] WithoutPosition(ReadOnlySpan<byte> row) =>
        (ShardState.Decode(row.ToArray()) with { Applied = LogPosition.None }).Encode();
}
