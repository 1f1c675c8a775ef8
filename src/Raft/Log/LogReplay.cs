namespace KvRaft.Raft.Log;

/// <summary>
/// Classifies the findings of the scanner, without I/O. A batch is written only after the previous one was synced, so
/// <list type="bullet">
/// <item>an error in or before a batch that a later one follows concerns synced data: it is <b>damage</b>;</item>
/// <item>an error in the last batch was caused by an interruption before its sync: it is a <b>torn tail</b>, and the batch never existed,
/// unless the durable mark contains it.</item>
/// </list>
/// Therefore a batch is held back until it is complete or another batch follows.
/// </summary>
internal sealed class LogReplay(long durableBatch)
{
    private readonly SortedDictionary<ReplicaKey, ReplayedGroup> _groups = [];
    private readonly List<LogHole> _holes = [];
    private readonly HashSet<long> _spoilt = [];
    private readonly List<(long Segment, ScanItem Item)> _held = [];
    private readonly List<(long Segment, ScanItem Item)> _loose = [];

    // The batch that is held back, or the last settled one.
    private long _batch;
    private long _batchSegment;
    private bool _isClosed = true;
    private bool _isFlawed;
    private LogHole? _lastHole;

    /// <summary>Groups in key order.</summary>
    public IReadOnlyDictionary<ReplicaKey, ReplayedGroup> Groups => _groups;

    public IReadOnlyList<LogHole> Holes => _holes;

    /// <summary>Segments with damage in them. The log must not begin with one of them: its restated head may be lost.</summary>
    public IReadOnlySet<long> SpoiltSegments => _spoilt;

    /// <summary>Records of an unknown owner are lost: a group without records in the log may have been in them.</summary>
    public bool MayHaveForgottenGroups { get; private set; }

    /// <summary>Position of the last batch that counts; segment 0: there is none. Valid after <see cref="Finish"/>.</summary>
    public (long Segment, int Offset, int End) LastBatch { get; private set; }

    public long LastBatchNumber { get; private set; }

    /// <summary>The last batch was torn, or garbage followed it: all content after <see cref="LastBatch"/> must be zeroed.</summary>
    public bool IsTorn { get; private set; }

    /// <summary>The tail itself is damaged: it must not be written behind.</summary>
    public bool IsTailDamaged { get; private set; }

    public void Add(long segment, in ScanItem item)
    {
        if (item.Kind == ScanItemKind.Garbage)
        {
            AddGarbage(segment, item);
            return;
        }

        var batch = item.Header.Batch;
        if (!_isClosed && batch == _batch && segment == _batchSegment)
        {
            Hold(segment, item);
        }
        else if (batch > _batch)
        {
            Begin(segment, item);
        }
        else
        {
            // The writer never writes a batch number that goes back.
            AddGarbage(segment, item with { Kind = ScanItemKind.Garbage });
        }
    }

    /// <summary>Damage that needs no later content as proof: a file is missing, is shorter than its header states, or has lost its header.</summary>
    public void AddLoss(long segment, long offset, string reason)
    {
        SettleHeld();
        Lose(new LogHole(segment, offset, offset, null, reason));
        IsTailDamaged = true;
    }

    public void Finish()
    {
        // Content behind the last batch belongs to the next batch.
        if (_loose.Count > 0 && _batch + 1 > durableBatch)
        {
            _loose.Clear();
            IsTorn = true;
        }

        var isFlawed = !_isClosed || _isFlawed;
        if (isFlawed && _batch > durableBatch)
        {
            _held.Clear();
            IsTorn = true;
        }
        else
        {
            IsTailDamaged |= isFlawed || _loose.Count > 0;
            SettleHeld();
        }

        if (LastBatchNumber < durableBatch)
        {
            Lose(new LogHole(LastBatch.Segment, LastBatch.End, LastBatch.End, null,
                $"the log ends with batch {LastBatchNumber}, but batch {durableBatch} had been synced"));
            IsTailDamaged = true;
        }

        foreach (var group in _groups.Values)
        {
            group.Finish(reason => Note(new LogHole(LastBatch.Segment, LastBatch.End, LastBatch.End, group.Key, reason)));
        }
    }

    private void AddGarbage(long segment, in ScanItem item)
    {
        // Inside an open batch it belongs to that batch; otherwise it belongs to the next one, of any group. An open batch in an
        // earlier segment is followed by this content, hence had been synced.
        if (!_isClosed && segment != _batchSegment)
        {
            SettleHeld();
        }

        if (_isClosed)
        {
            _loose.Add((segment, item));
        }
        else
        {
            Hold(segment, item);
        }
    }

    private void Begin(long segment, in ScanItem item)
    {
        var previous = _batch;
        var loose = _loose.ToArray();
        _loose.Clear();
        SettleHeld();
        if (previous != 0 && item.Header.Batch > previous + 1)
        {
            foreach (var (at, garbage) in loose)
            {
                Apply(at, garbage);
            }

            loose = [];
            Lose(new LogHole(segment, item.Offset, item.Offset, null, $"batches {previous + 1} to {item.Header.Batch - 1} are missing"));
        }

        _batch = item.Header.Batch;
        _batchSegment = segment;
        _isClosed = false;
        _isFlawed = false;
        IsTailDamaged = false;
        foreach (var (at, garbage) in loose)
        {
            Hold(at, garbage);
        }

        Hold(segment, item);
    }

    private void Hold(long segment, in ScanItem item)
    {
        _held.Add((segment, item));
        _isFlawed |= item.Kind != ScanItemKind.Record;
        _isClosed |= item.Kind != ScanItemKind.Garbage && item.Header.IsLastOfBatch;
    }

    // The held batch counts: it is complete, or it had been synced and is damaged.
    private void SettleHeld()
    {
        foreach (var (segment, item) in _held)
        {
            Apply(segment, item);
        }

        if (_held.Count > 0)
        {
            var first = _held.Find(held => held.Segment == _batchSegment);
            LastBatch = (_batchSegment, first.Item.Offset, _held[^1].Item.End);
            LastBatchNumber = _batch;
            if (!_isClosed)
            {
                Lose(new LogHole(LastBatch.Segment, LastBatch.End, LastBatch.End, null, $"batch {_batch} has no end"));
            }
        }

        _held.Clear();
        foreach (var (segment, item) in _loose)
        {
            Apply(segment, item);
        }

        _loose.Clear();
        _isClosed = true;
        _isFlawed = false;
    }

    private void Apply(long segment, in ScanItem item)
    {
        switch (item.Kind)
        {
            case ScanItemKind.Garbage:
                Lose(new LogHole(segment, item.Offset, item.End, null, "the record here is unreadable"));
                break;
            case ScanItemKind.UnreadablePayload:
                var hole = new LogHole(segment, item.Offset, item.End, item.Header.Key, $"the payload of a record ({item.Header.Kind}) fails its checksum");
                Note(hole);
                Group(item.Header.Key, hole).Break(hole, item.Header.Sequence);
                break;
            default:
                ApplyRecord(segment, item);
                break;
        }
    }

    private void ApplyRecord(long segment, in ScanItem item)
    {
        var header = item.Header;
        if (header.Kind == RecordKind.Drop)
        {
            _groups.Remove(header.Key);
        }
        else if (item.State is { } state)
        {
            if ((StateReason)header.Detail == StateReason.Opened || !_groups.TryGetValue(header.Key, out var group))
            {
                _groups[header.Key] = group = new ReplayedGroup(header.Key);
            }

            group.Adopt(header, state);
        }
        else
        {
            var offset = item.Offset;
            var end = item.End;
            LogHole HoleHere(string reason) => Note(new LogHole(segment, offset, end, header.Key, reason));
            var location = new EntryLocation(header.Term, segment, item.Offset, header.PayloadLength, (LogEntryKind)header.Detail);
            Group(header.Key, null, HoleHere).Append(header, location, HoleHere);
        }
    }

    // A group without any state record has lost its opening.
    private ReplayedGroup Group(ReplicaKey key, LogHole? hole, Func<string, LogHole>? holeHere = null)
    {
        if (!_groups.TryGetValue(key, out var group))
        {
            _groups[key] = group = new ReplayedGroup(key);
            group.Break(hole ?? _lastHole ?? holeHere!($"no state of {key} precedes this record"), 0);
        }

        return group;
    }

    private void Lose(LogHole hole)
    {
        Note(hole);
        MayHaveForgottenGroups = true;
        foreach (var group in _groups.Values)
        {
            group.Suspect(hole);
        }
    }

    private LogHole Note(LogHole hole)
    {
        _holes.Add(hole);
        _spoilt.Add(hole.Segment);
        _lastHole = hole;
        return hole;
    }
}
