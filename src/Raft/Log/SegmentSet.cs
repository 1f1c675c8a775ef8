namespace KvRaft.Raft.Log;

/// <summary>The segments in use, oldest first. Thread-safe; only the writer adds and removes.</summary>
internal sealed class SegmentSet
{
    private readonly Lock _lock = new();
    private readonly RingDeque<Segment> _segments = new();
    private long _bytes;

    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _segments.Count;
            }
        }
    }

    /// <summary>Number of the youngest segment.</summary>
    public long Last
    {
        get
        {
            lock (_lock)
            {
                return _segments[_segments.Count - 1].Number;
            }
        }
    }

    public long Bytes => Interlocked.Read(ref _bytes);

    public void Add(Segment segment)
    {
        lock (_lock)
        {
            _segments.AddLast(segment);
            Interlocked.Add(ref _bytes, segment.Size);
        }
    }

    /// <summary>The segment, retained for the caller, or null when it was reclaimed.</summary>
    public Segment? Retain(long number)
    {
        lock (_lock)
        {
            // Numbers are consecutive except where a lost file left a gap: start at the place without a gap and walk back.
            if (_segments.Count == 0)
            {
                return null;
            }

            for (var i = (int)Math.Min(number - _segments[0].Number, _segments.Count - 1); i >= 0; i--)
            {
                if (_segments[i].Number <= number)
                {
                    return _segments[i].Number == number && _segments[i].TryRetain() ? _segments[i] : null;
                }
            }

            return null;
        }
    }

    /// <summary>The youngest segment up to the given one that may be the first of the log; the oldest if there is none.</summary>
    public long BeginningUpTo(long number)
    {
        lock (_lock)
        {
            var beginning = _segments[0].Number;
            for (var i = 0; i < _segments.Count && _segments[i].Number <= number; i++)
            {
                beginning = _segments[i].IsHeadSound ? _segments[i].Number : beginning;
            }

            return beginning;
        }
    }

    /// <summary>Removes the oldest segment if its number is below the given one. The caller deletes and releases it.</summary>
    public Segment? TakeOldestBelow(long number)
    {
        lock (_lock)
        {
            if (_segments.Count == 0 || _segments[0].Number >= number)
            {
                return null;
            }

            var segment = _segments[0];
            _segments.RemoveFirst();
            Interlocked.Add(ref _bytes, -segment.Size);
            return segment;
        }
    }

    /// <summary>The youngest segment that must be deleted so that the rest takes at most <paramref name="bytesMax"/>; null: none.</summary>
    public long? YoungestBeyond(long bytesMax)
    {
        lock (_lock)
        {
            long? number = null;
            var bytes = _bytes;
            // The last one is being written and always stays.
            for (var i = 0; i < _segments.Count - 1 && bytes > bytesMax; i++)
            {
                number = _segments[i].Number;
                bytes -= _segments[i].Size;
            }

            return number;
        }
    }

    public void CloseAll()
    {
        lock (_lock)
        {
            for (var i = 0; i < _segments.Count; i++)
            {
                _segments[i].Release();
            }

            _segments.Clear();
        }
    }
}
