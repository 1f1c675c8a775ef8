using KvRaft.Storage;

namespace KvRaft.Raft.Log;

/// <summary>
/// One group's log while the files are read. The result is the group's state, and whether this state is proven.
/// <para>
/// The proof uses the group's own sequence numbers. After a hole of an unknown owner the group is <i>suspect</i> until its next record
/// carries the next number. A missing number makes it <i>broken</i>: later entries are not accepted. Any state record repairs
/// the group, because it contains everything except the entries, provided that the replay holds its entries: there are none, or by Raft's log
/// matching property (same index, same term, hence same prefix) the replay holds its last one. Otherwise the entries up to
/// that index are missing, which matters only if the group's start never passes them.
/// </para>
/// </summary>
internal sealed class ReplayedGroup(ReplicaKey key)
{
    private RingDeque<EntryLocation> _entries = new();

    // The position before the first entry held. If it is above the start, entries are missing (they were in reclaimed or lost segments).
    private LogPosition _base;

    // The entries held each time when entries were lost: the best prefix, if the lost ones stay missing.
    private readonly List<(LogPosition Base, RingDeque<EntryLocation> Entries)> _salvage = [];

    private LogHole? _suspicion;
    private LogHole? _break;

    public ReplicaKey Key { get; } = key;

    /// <summary>Sequence number of the last record.</summary>
    public long Sequence { get; private set; }

    public Ballot Ballot { get; private set; }

    public LogPosition Start { get; private set; }

    public LogDamage? Damage { get; private set; }

    /// <summary>The entries after <see cref="Start"/>; complete only after <see cref="Finish"/>.</summary>
    public RingDeque<EntryLocation> Entries => _entries;

    public LogPosition Last => _entries.Count == 0 ? _base : new LogPosition(_entries[_entries.Count - 1].Term, _base.Index + _entries.Count);

    /// <summary>A record of an unknown owner is lost here.</summary>
    public void Suspect(LogHole hole) => _suspicion ??= hole;

    /// <summary>This group's record of that number is lost or out of order here.</summary>
    public void Break(LogHole hole, long sequence)
    {
        _break ??= hole;
        _suspicion = null;
        Sequence = Math.Max(Sequence, sequence);
    }

    public void Append(in RecordHeader header, EntryLocation location, Func<string, LogHole> holeHere)
    {
        if (_break is null && (header.Sequence != Sequence + 1 || header.Index != Last.Index + 1))
        {
            Break(_suspicion ?? holeHere($"{Key} continues with record {header.Sequence}, index {header.Index} after record {Sequence}, index {Last.Index}"), header.Sequence);
        }

        Sequence = Math.Max(Sequence, header.Sequence);
        if (_break is null)
        {
            _suspicion = null;
            _entries.AddLast(location);
        }
    }

    public void Adopt(in RecordHeader header, GroupState state)
    {
        var isContinuous = _break is null && header.Sequence == Sequence + 1;
        Sequence = Math.Max(Sequence, header.Sequence);
        if (state.IsEmpty)
        {
            _entries = new RingDeque<EntryLocation>();
            _base = state.Start;
            _salvage.Clear();
        }
        else if (Holds(_base, _entries, state.Last))
        {
            CutAfter(_base, _entries, state.Last.Index);
        }
        else if (_salvage.FindIndex(kept => Holds(kept.Base, kept.Entries, state.Last)) is >= 0 and var found)
        {
            (_base, _entries) = _salvage[found];
            _salvage.Clear();
            CutAfter(_base, _entries, state.Last.Index);
        }
        else
        {
            // Without a hole this is a truncation to below the held entries, and none of them is kept.
            if (!isContinuous && _entries.Count > 0)
            {
                _salvage.Add((_base, _entries));
            }

            _entries = new RingDeque<EntryLocation>();
            _base = state.Last;
        }

        Ballot = state.Ballot;
        Start = state.Start;
        Damage = state.Damage;
        _break = null;
        _suspicion = null;
        ForgetThrough(ref _base, _entries, Start);
    }

    /// <summary>The end of the log: a state that is not proven by now is never proven.</summary>
    public void Finish(Func<string, LogHole> holeHere)
    {
        if (_base.Index > Start.Index)
        {
            var hole = _break ?? holeHere($"the entries {Start.Index + 1} to {_base.Index} of {Key} are in no segment");
            FallBackToPrefix();
            Damage ??= new LogDamage(LogDamageKind.MissingEntries, hole.Segment, hole.Offset);
        }

        if (_break is not null)
        {
            Damage ??= new LogDamage(LogDamageKind.LostRecord, _break.Segment, _break.Offset);
        }
        else if (_suspicion is not null)
        {
            Damage ??= new LogDamage(LogDamageKind.Unproven, _suspicion.Segment, _suspicion.Offset);
        }
    }

    private void FallBackToPrefix()
    {
        var usable = _salvage.FindIndex(kept => Holds(kept.Base, kept.Entries, Start));
        (_base, _entries) = usable >= 0 ? _salvage[usable] : (Start, new RingDeque<EntryLocation>());
        ForgetThrough(ref _base, _entries, Start);
    }

    private static bool Holds(LogPosition @base, RingDeque<EntryLocation> entries, LogPosition position)
    {
        var ahead = position.Index - @base.Index;
        return ahead == 0 ? position.Term == @base.Term : ahead > 0 && ahead <= entries.Count && entries[(int)ahead - 1].Term == position.Term;
    }

    private static void CutAfter(LogPosition @base, RingDeque<EntryLocation> entries, long index) =>
        entries.RemoveLast((int)(@base.Index + entries.Count - index));

    private static void ForgetThrough(ref LogPosition @base, RingDeque<EntryLocation> entries, LogPosition start)
    {
        if (start.Index > @base.Index)
        {
            entries.RemoveFirst((int)Math.Min(start.Index - @base.Index, entries.Count));
            @base = start;
        }
    }
}
