using KvRaft.Topology;

namespace KvRaft.Raft.Log;

/// <content>Reading entries: recent ones from memory, older ones from the files.</content>
internal sealed partial class GroupLog
{
    /// <summary>The entries from one index to another, both included, in order; never fewer.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// <paramref name="from"/> is not above the start (which may have moved meanwhile), or <paramref name="to"/> is above the last index.
    /// </exception>
    /// <exception cref="LogDamagedException">An entry fails its checksum; <see cref="Damage"/> is set from now on.</exception>
    public IReadOnlyList<LogEntry> Read(long from, long to)
    {
        if (to < from)
        {
            return [];
        }

        var entries = new LogEntry[to - from + 1];
        var locations = Locate(from, entries);
        for (var i = 0; i < locations.Length; i++)
        {
            var location = locations[i];
            var payload = ReadPayload(from + i, location);
            entries[i] = new LogEntry(from + i, location.Term, location.Kind, payload);
        }

        return entries;
    }

    /// <summary>The same, limited to a number of bytes; at least one entry.</summary>
    /// <inheritdoc cref="Read"/>
    public IReadOnlyList<LogEntry> ReadSome(long from, long to, int bytesWanted) => Read(from, LastWithin(from, to, bytesWanted));

    private long LastWithin(long from, long to, int bytesWanted)
    {
        lock (_lock)
        {
            ThrowIfDropped();
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(from, _start.Index);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(to, LastUnlocked.Index);
            var index = from;
            for (long bytes = _entries[(int)(from - _start.Index - 1)].Length; index < to; index++)
            {
                bytes += _entries[(int)(index - _start.Index)].Length;
                if (bytes > bytesWanted)
                {
                    break;
                }
            }

            return index;
        }
    }

    // Copies the entries in memory and returns the locations of the others, which are the first ones.
    private EntryLocation[] Locate(long from, LogEntry[] entries)
    {
        lock (_lock)
        {
            ThrowIfDropped();
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(from, _start.Index);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(from + entries.Length - 1, LastUnlocked.Index);
            var first = (int)(from - _start.Index - 1);
            var uncached = _entries.Count - _tail.Count;
            var locations = new EntryLocation[Math.Clamp(uncached - first, 0, entries.Length)];
            for (var i = 0; i < entries.Length; i++)
            {
                var location = _entries[first + i];
                if (i < locations.Length)
                {
                    locations[i] = location;
                }
                else
                {
                    entries[i] = new LogEntry(from + i, location.Term, location.Kind, _tail[first + i - uncached]);
                }
            }

            return locations;
        }
    }

    private ReadOnlyMemory<byte> ReadPayload(long index, EntryLocation location)
    {
        var segment = _node.Segments.Retain(location.Segment);
        if (segment is null)
        {
            // Reclaimed since the lookup; this is possible only if the start moved beyond the entry.
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(index, Start.Index);
            throw new InvariantException($"Segment {location.Segment} is gone, but {Key} needs it for index {index}.");
        }

        try
        {
            var record = new byte[RecordHeader.Bytes + location.Length];
            var read = _node.ReadOrFail(segment.File, location.Offset, record);
            var payload = record.AsSpan(RecordHeader.Bytes);
            var isSound = read == record.Length
                && RecordHeader.TryRead(record, segment.Salt, location.Offset, out var header)
                && header.Key == Key && header.Index == index && header.Term == location.Term
                && header.PayloadLength == location.Length
                && header.PayloadChecksum == Crc32C.Of(payload);
            return isSound ? record.AsMemory(RecordHeader.Bytes) : throw Unreadable(location);
        }
        finally
        {
            segment.Release();
        }
    }

    private LogDamagedException Unreadable(EntryLocation location)
    {
        var damage = new LogDamage(LogDamageKind.UnreadableEntry, location.Segment, location.Offset);
        lock (_lock)
        {
            if (!_isDropped)
            {
                SetDamage(damage);
            }
        }

        _node.Logger.EntryUnreadable(Key, damage);
        return new LogDamagedException(Key, damage);
    }
}
