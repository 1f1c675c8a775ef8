namespace KvRaft.Raft.Log;

/// <summary>
/// Writes queued records in batches: one contiguous write and one sync for all groups; then it completes all waits.
/// It rolls to the next segment, restates the groups there, and releases old segments. Runs on one thread (or, in
/// manual mode, on its caller's); it needs no lock.
/// </summary>
internal sealed class LogWriter(NodeLog node, SegmentFactory factory, BackgroundWork background, Segment segment, int offset, long lastBatch)
{
    private readonly NodeLogOptions _options = node.Options;
    private readonly BatchBuffer _buffer = new();
    private readonly List<int> _offsets = [];
    private readonly List<GroupLog> _touched = [];

    // Groups that have a shadow, in the order they were opened.
    private readonly List<GroupLog> _written = [];

    private Segment _segment = segment;
    private int _offset = offset;
    private bool _mustRestate;

    // A start moved, a group was dropped, or a new segment restated all groups: older segments may be unneeded.
    private bool _mayReclaim;

    /// <summary>Number of the last batch that was synced.</summary>
    public long LastBatch { get; private set; } = lastBatch;

    /// <summary>Replaced as a whole after each batch; may be read by any thread.</summary>
    public WriterStatistics Statistics { get; private set; } = new(0, 0, 0);

    /// <summary>Bytes of the current segment behind the synced part. May be read by any thread.</summary>
    public int BytesLeft => Volatile.Read(ref _bytesLeft);

    private int _bytesLeft = segment.Size - offset;

    /// <summary>Adds a group that was found at the start.</summary>
    public void Adopt(GroupLog group) => _written.Add(group);

    /// <summary>Skips the rest of the current segment: it is damaged.</summary>
    public void LeaveSegment() => Roll(0);

    public void Write(List<PendingRecord> records)
    {
        var next = 0;
        while (next < records.Count)
        {
            if (!Fits(records[next]))
            {
                Roll(records[next].Bytes);
            }

            Begin();
            var first = next;
            while (next < records.Count && (next == first || _buffer.Length < _options.BatchBytesMax && Fits(records[next])))
            {
                Add(records[next]);
                next++;
            }

            Sync();
            Complete(records, first, next);
        }
    }

    /// <summary>Writes the state of every group again, as one batch.</summary>
    public void Restate(StateReason reason)
    {
        if (_written.Count == 0)
        {
            return;
        }

        if (_segment.Size - _offset < RestatedBytes())
        {
            Roll(0);
        }

        _mustRestate = false;
        _mayReclaim = true;
        _buffer.Begin(_offset, LastBatch + 1, _segment.Salt);
        AddRestated(reason);
        Sync();
        ReclaimSegments();
    }

    private void Begin()
    {
        _buffer.Begin(_offset, LastBatch + 1, _segment.Salt);
        if (_mustRestate)
        {
            _mustRestate = false;
            _mayReclaim = true;
            AddRestated(StateReason.Restated);
        }
    }

    private bool Fits(in PendingRecord record)
    {
        var used = _offset + _buffer.Length + (_mustRestate ? RestatedBytes() : 0);
        return _segment.Size - used >= record.Bytes;
    }

    private int RestatedBytes() => _written.Sum(group => RecordHeader.BytesFor(group.Shadow!.State.PayloadBytes));

    private void AddRestated(StateReason reason)
    {
        foreach (var group in _written)
        {
            AddState(group.Shadow!, reason, group.Shadow!.Restated());
        }
    }

    private void Add(in PendingRecord record)
    {
        switch (record.Kind)
        {
            case RecordKind.State:
                if (record.Group.Shadow is not { } known)
                {
                    record.Group.Shadow = known = new GroupShadow(record.Group.Key, record.State!, 0);
                    _written.Add(record.Group);
                }

                _offsets.Add(AddState(known, (StateReason)record.Detail, record.State!));
                known.Changed(record.State!);
                break;
            case RecordKind.Entry:
                var shadow = record.Group.Shadow!;
                record.Payload.Span.CopyTo(_buffer.Reserve(record.Payload.Length));
                _offsets.Add(_buffer.Commit(RecordKind.Entry, record.Detail, shadow.Key, shadow.NextSequence(), record.Position, record.Payload.Length));
                shadow.Appended(_segment.Number, record.Position);
                break;
            default:
                _buffer.Reserve(0);
                _offsets.Add(_buffer.Commit(RecordKind.Drop, 0, record.Group.Key, record.Group.Shadow!.NextSequence(), default, 0));
                _written.Remove(record.Group);
                break;
        }
    }

    private int AddState(GroupShadow shadow, StateReason reason, GroupState state)
    {
        var length = state.PayloadBytes;
        state.Write(_buffer.Reserve(length));
        return _buffer.Commit(RecordKind.State, (byte)reason, shadow.Key, shadow.NextSequence(), state.Last, length);
    }

    private void Sync()
    {
        var bytes = _buffer.Finish();
        _segment.File.Write(_offset, bytes);
        SyncRules.SyncBatch(_segment.File);
        _offset += bytes.Length;
        Volatile.Write(ref _bytesLeft, _segment.Size - _offset);
        LastBatch++;
        Statistics = new WriterStatistics(
            Statistics.Batches + 1, Statistics.Records + _buffer.Records, Statistics.Bytes + bytes.Length);
        _buffer.Clear();
    }

    private void Complete(List<PendingRecord> records, int first, int end)
    {
        var bytes = 0L;
        for (var i = first; i < end; i++)
        {
            var record = records[i];
            bytes += record.Bytes;
            _mayReclaim |= record.Kind != RecordKind.Entry;
            if (record.Group.Synced(record, _segment.Number, _offsets[i - first]))
            {
                _touched.Add(record.Group);
            }

            if (record.Kind == RecordKind.Drop)
            {
                node.Dropped(record.Group);
            }
        }

        node.Queue.Written(bytes);
        _offsets.Clear();
        foreach (var group in _touched)
        {
            group.Publish();
        }

        _touched.Clear();
        node.Cache.Trim(_written);
        ReclaimSegments();
    }

    private void Roll(int recordBytes)
    {
        var bytesMin = (long)SegmentHeader.Bytes + RestatedBytes() + recordBytes;
        _segment = factory.Take(_segment.Number + 1, bytesMin);
        _offset = SegmentHeader.Bytes;
        Volatile.Write(ref _bytesLeft, _segment.Size - _offset);
        _mustRestate = true;
        node.Segments.Add(_segment);
        factory.Prepare(_segment.Number + 1);
        node.Logger.Rolled(_segment.Number, _segment.Size);
        AskThoseWhoPin();
    }

    // Only synced records count; the shadows are synced if this is called after a sync.
    private void ReclaimSegments()
    {
        if (!_mayReclaim)
        {
            return;
        }

        _mayReclaim = false;
        var oldestNeeded = _segment.Number;
        foreach (var group in _written)
        {
            oldestNeeded = Math.Min(oldestNeeded, group.Shadow!.OldestSegment ?? oldestNeeded);
        }

        var beginning = node.Segments.BeginningUpTo(oldestNeeded);
        while (node.Segments.TakeOldestBelow(beginning) is { } segment)
        {
            background.Enqueue(() => node.Delete(segment));
        }
    }

    private void AskThoseWhoPin()
    {
        if (node.Segments.YoungestBeyond(_options.LogBytesMax) is not { } segment)
        {
            return;
        }

        foreach (var group in _written)
        {
            if (group.Shadow!.IndexToPass(segment) is { } index)
            {
                background.Enqueue(() => node.AskToMove(group, segment, index));
            }
        }
    }
}

/// <summary>The result of a batch: each batch is one write and one sync.</summary>
internal sealed record WriterStatistics(long Batches, long Records, long Bytes);
