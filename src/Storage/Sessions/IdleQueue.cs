using KvRaft.Storage.Schema;
using KvRaft.Storage.State;

namespace KvRaft.Storage.Sessions;

/// <summary>
/// The sessions of a shard, longest idle first. The queue consists of rows (<see cref="KeyLayout.Idle"/>). This class reads them ahead, so that with an
/// eviction per write
/// one range read serves hundreds of evictions, and no read passes over the rows that were deleted before.
/// <para>
/// Sessions join at the end only, so rows that were read ahead stay the front of the queue. Sessions that the current entry queued are
/// left for later entries: among them the order is by client, and one more could still come before another. A row is stale once its session is queued again or
/// discarded; a stale entry is dropped when it is read. Therefore the result of <see cref="First"/> depends on the rows alone, as if
/// they were read each time.
/// </para>
/// </summary>
internal sealed class IdleQueue
{
    private const int ReadAheadRows = 256;

    private readonly List<(long Index, ClientId Client)> _ahead = [];
    private byte[]? _next;

    public static byte[] Value(long granule)
    {
        var writer = new ByteWriter(8);
        writer.VarUInt((ulong)granule);
        return writer.ToArray();
    }

    /// <exception cref="StorageCorruptionException">The row is damaged.</exception>
    public static long GranuleOf(ReadOnlySpan<byte> value)
    {
        var reader = new ByteReader(value.ToArray());
        var granule = (long)reader.VarUInt();
        return reader.AtEnd && granule >= 0 ? granule : throw new StorageCorruptionException("A row of the idle queue is damaged.");
    }

    public void Reset()
    {
        _ahead.Clear();
        _next = null;
    }

    /// <summary>The longest-idle session other than <paramref name="except"/>; null if there is none.</summary>
    public Session? First(ApplyContext context, ClientId? except, Func<ClientId, Session?> load)
    {
        var position = 0;
        while (position < _ahead.Count || ReadOn(context))
        {
            var (index, client) = _ahead[position];
            if (load(client) is not { } session || session.QueuedAt != index)
            {
                _ahead.RemoveAt(position);
            }
            else if (client == except)
            {
                position++;
            }
            else
            {
                return session;
            }
        }

        return null;
    }

    private bool ReadOn(ApplyContext context)
    {
        var from = _next ?? KeyLayout.IndexAt(KeyLayout.IdlePrefix, Math.Min(context.Due.FirstIdleIndex, context.Index));
        var to = KeyLayout.IndexAt(KeyLayout.IdlePrefix, context.Index);
        if (from.AsSpan().SequenceCompareTo(to) >= 0)
        {
            return false;
        }

        var rows = context.Changes.Read(from, to, ReadAheadRows, valueBytesMax: 0);
        _ahead.AddRange(rows.Select(static row => KeyLayout.PartsOfIdle(row.Key)));
        if (rows.Count > 0)
        {
            // The smallest row after the last one that was read.
            _next = [.. rows[^1].Key, 0];
        }

        return rows.Count > 0;
    }
}
