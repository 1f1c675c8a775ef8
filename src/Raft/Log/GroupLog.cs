using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Log;

/// <summary>
/// The log of one replica: one Raft group's part of the <see cref="NodeLog"/>. In memory it holds an index of the position of each
/// entry, a tail of recent payloads, and the group's state. Each change takes effect in memory at once and is queued for
/// the writer. <b>A change must not be acknowledged before it is durable</b>: await <see cref="WhenDurableAsync"/> or follow
/// <see cref="DurableIndex"/>.
/// <para>
/// Thread-safe. Changes of one group come from one thread at a time; reads from any thread.
/// </para>
/// </summary>
internal sealed partial class GroupLog
{
    private readonly Lock _lock = new();
    private readonly NodeLog _node;

    // Entries Start.Index + 1 to the last; the last _tail.Count of them are in memory, the last _tickets.Count not yet durable.
    private readonly RingDeque<EntryLocation> _entries;
    private readonly RingDeque<ReadOnlyMemory<byte>> _tail = new();
    private readonly RingDeque<long> _tickets = new();

    private LogPosition _start;
    private Ballot _ballot;
    private LogDamage? _damage;
    private long _durableIndex;
    private long _ticketQueued;
    private long _ticketDurable;
    private bool _isDropped;
    private LogFailedException? _failure;

    public GroupLog(NodeLog node, ReplicaKey key, GroupState state, RingDeque<EntryLocation> entries)
    {
        _node = node;
        Key = key;
        _entries = entries;
        _start = state.Start;
        _ballot = state.Ballot;
        _damage = state.Damage;
        _durableIndex = state.Last.Index;
        Invariant.Holds(_start.Index + _entries.Count == state.Last.Index, "A group's index covers its log.");
    }

    /// <summary>
    /// The writer has synced more of this group; the argument is the new <see cref="DurableIndex"/>. Raised on the writer's thread,
    /// so handlers must be quick; an exception from a handler stops the log.
    /// </summary>
    public event Action<long>? DurableAdvanced;

    public ReplicaKey Key { get; }

    /// <summary>The entry before the first one kept. Only moves forward.</summary>
    public LogPosition Start
    {
        get
        {
            lock (_lock)
            {
                return _start;
            }
        }
    }

    /// <summary>Index of the last entry, durable or not; the index of <see cref="Start"/> if the log is empty.</summary>
    public long LastIndex => Last.Index;

    public long LastTerm => Last.Term;

    public LogPosition Last
    {
        get
        {
            lock (_lock)
            {
                return LastUnlocked;
            }
        }
    }

    /// <summary>
    /// Entries up to this index are on disk. It falls back when entries are truncated. It may be below the start's index for the moment between a
    /// reset and its sync.
    /// </summary>
    public long DurableIndex
    {
        get
        {
            lock (_lock)
            {
                return _durableIndex;
            }
        }
    }

    /// <summary>Term and vote as last set, durable or not.</summary>
    public Ballot Ballot
    {
        get
        {
            lock (_lock)
            {
                return _ballot;
            }
        }
    }

    /// <summary>If not null, the replica must not vote nor count until it was rebuilt and <see cref="ClearDamage"/> was called.</summary>
    public LogDamage? Damage
    {
        get
        {
            lock (_lock)
            {
                return _damage;
            }
        }
    }

    private LogPosition LastUnlocked => _entries.Count == 0
        ? _start
        : new LogPosition(_entries[_entries.Count - 1].Term, _start.Index + _entries.Count);

    /// <summary>Appends an entry; it is readable at once. The payload must never change afterwards.</summary>
    /// <returns>Its index.</returns>
    /// <exception cref="LogEntryTooLargeException">The payload exceeds the limit.</exception>
    /// <exception cref="LogFailedException">The log failed.</exception>
    public long Append(long term, LogEntryKind kind, ReadOnlyMemory<byte> payload)
    {
        var bytesMax = _node.Options.PayloadBytesMax;
        if (payload.Length > bytesMax)
        {
            throw new LogEntryTooLargeException(payload.Length, bytesMax);
        }

        lock (_lock)
        {
            ThrowIfDropped();
            var last = LastUnlocked;
            ArgumentOutOfRangeException.ThrowIfLessThan(term, last.Term);
            var position = new LogPosition(term, last.Index + 1);
            Enqueue(RecordKind.Entry, (byte)kind, position, payload, null);
            _entries.AddLast(new EntryLocation(term, 0, 0, payload.Length, kind));
            _tail.AddLast(payload);
            _tickets.AddLast(_ticketQueued);
            _node.Cache.Added(payload.Length);
            return position.Index;
        }
    }

    /// <summary>Truncates the entries from <paramref name="index"/> on; if there are none, nothing changes.</summary>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="index"/> is not above the start.</exception>
    public void TruncateFrom(long index)
    {
        lock (_lock)
        {
            ThrowIfDropped();
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(index, _start.Index);
            if (index > LastUnlocked.Index)
            {
                return;
            }

            EnqueueState(StateReason.Truncated, State() with { Last = PositionAt(index - 1) });
            CutFrom(index);
        }
    }

    /// <summary>Sets term and vote. Await <see cref="WhenDurableAsync"/> before sending them to another replica.</summary>
    /// <exception cref="ArgumentOutOfRangeException">
    /// The term is lower than the present one, unless the present one is above <see cref="Ballot.TermMax"/>; or the new term is above it; or the vote is too long.
    /// </exception>
    /// <exception cref="InvariantException">A second vote in one term.</exception>
    public void SetBallot(long term, ReadOnlySpan<byte> votedFor)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(votedFor.Length, Ballot.VotedForBytesMax);
        lock (_lock)
        {
            ThrowIfDropped();
            ArgumentOutOfRangeException.ThrowIfGreaterThan(term, Ballot.TermMax);
            var isImpossible = _ballot.Term > Ballot.TermMax;
            if (!isImpossible)
            {
                ArgumentOutOfRangeException.ThrowIfLessThan(term, _ballot.Term);
            }

            var ballot = new Ballot(term, votedFor.ToArray());
            if (ballot == _ballot)
            {
                return;
            }

            Invariant.Holds(isImpossible || term > _ballot.Term || _ballot.VotedFor.IsEmpty, "A replica votes once per term.");
            EnqueueState(StateReason.Voted, State() with { Ballot = ballot });
            _ballot = ballot;
        }
    }

    /// <summary>
    /// Truncates the entries up to <paramref name="start"/>; the caller holds their effects durably elsewhere. A start at or below the
    /// present one changes nothing.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The position is above the last entry.</exception>
    /// <exception cref="ArgumentException">Our entry there has another term.</exception>
    public void SetStart(LogPosition start)
    {
        lock (_lock)
        {
            ThrowIfDropped();
            ArgumentOutOfRangeException.ThrowIfGreaterThan(start.Index, LastUnlocked.Index);
            if (start.Index <= _start.Index)
            {
                return;
            }

            if (PositionAt(start.Index) != start)
            {
                throw new ArgumentException($"The entry at {start.Index} has term {PositionAt(start.Index).Term}, not {start.Term}.", nameof(start));
            }

            EnqueueState(StateReason.StartMoved, State() with { Start = start });
            ForgetThrough(start);
        }
    }

    /// <summary>
    /// A checkpoint at <paramref name="start"/> was installed: the log continues from there. Entries behind that position
    /// are kept if our entry at the position is the same (Raft paper, section 7); otherwise all entries are removed. Term and vote stay.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The position is below the present start.</exception>
    public void Reset(LogPosition start)
    {
        lock (_lock)
        {
            ThrowIfDropped();
            ArgumentOutOfRangeException.ThrowIfLessThan(start.Index, _start.Index);
            if (start.Index <= LastUnlocked.Index && PositionAt(start.Index) == start)
            {
                EnqueueState(StateReason.Reset, State() with { Start = start });
                ForgetThrough(start);
                return;
            }

            EnqueueState(StateReason.Reset, State() with { Start = start, Last = start });
            CutFrom(_start.Index + 1);
            _start = start;
            _durableIndex = Math.Min(_durableIndex, start.Index - 1);
        }
    }

    /// <summary>A file that belongs to the log is lost: the replica must not vote nor count until it was rebuilt.</summary>
    public void Distrust()
    {
        lock (_lock)
        {
            ThrowIfDropped();
            SetDamage(new LogDamage(LogDamageKind.MayHaveBeenForgotten, 0, 0));
        }
    }

    /// <summary>Under the lock. The first damage stays: it is what the replica is rebuilt for.</summary>
    private void SetDamage(LogDamage damage)
    {
        if (_damage is null)
        {
            EnqueueState(StateReason.Damaged, State() with { Damage = damage });
            _damage = damage;
        }
    }

    /// <summary>The replica was rebuilt. It may vote and count again once this is durable.</summary>
    public void ClearDamage()
    {
        lock (_lock)
        {
            ThrowIfDropped();
            if (_damage is not null)
            {
                EnqueueState(StateReason.Rebuilt, State() with { Damage = null });
                _damage = null;
            }
        }
    }

    /// <summary>The term of the entry at an index from the start's to the last.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The log does not have the entry.</exception>
    public long TermAt(long index)
    {
        lock (_lock)
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(index, _start.Index);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(index, LastUnlocked.Index);
            return PositionAt(index).Term;
        }
    }

    /// <summary>Records that the group was opened for the first time.</summary>
    internal void AnnounceOpened()
    {
        lock (_lock)
        {
            EnqueueState(StateReason.Opened, State());
        }
    }

    /// <summary>The last record of the group; no change is accepted after it.</summary>
    internal ValueTask DropAsync()
    {
        lock (_lock)
        {
            ThrowIfDropped();
            Enqueue(RecordKind.Drop, 0, default, default, null);
            _isDropped = true;
            var durable = Wait(_ticketQueued, isForIndex: false);
            ReleaseTail(_tail.Count);
            return durable;
        }
    }

    /// <summary>The position at an index, or null if the log does not have it.</summary>
    internal LogPosition? TryPositionAt(long index)
    {
        lock (_lock)
        {
            return _isDropped || index < _start.Index || index > LastUnlocked.Index ? null : PositionAt(index);
        }
    }

    /// <summary>The position before as many of the last entries as have no more than some number of payload bytes.</summary>
    internal LogPosition StartOfLast(long bytes)
    {
        lock (_lock)
        {
            var index = LastUnlocked.Index;
            while (index > _start.Index && (bytes -= _entries[(int)(index - _start.Index - 1)].Length) >= 0)
            {
                index--;
            }

            return PositionAt(index);
        }
    }

    private GroupState State() => new(_ballot, _start, LastUnlocked, _damage);

    private LogPosition PositionAt(long index) =>
        index == _start.Index ? _start : new LogPosition(_entries[(int)(index - _start.Index - 1)].Term, index);

    private void EnqueueState(StateReason reason, GroupState state) => Enqueue(RecordKind.State, (byte)reason, default, default, state);

    // Queued first, then changed in memory: if the queue refuses, the group stays unchanged.
    private void Enqueue(RecordKind kind, byte detail, LogPosition position, ReadOnlyMemory<byte> payload, GroupState? state)
    {
        _node.Queue.Add(new PendingRecord(this, kind, detail, _ticketQueued + 1, position, payload, state));
        _ticketQueued++;
    }

    private void CutFrom(long index)
    {
        var count = (int)(_start.Index + _entries.Count - index + 1);
        if (count <= 0)
        {
            return;
        }

        _entries.RemoveLast(count);
        _tickets.RemoveLast(Math.Min(count, _tickets.Count));
        var cached = Math.Min(count, _tail.Count);
        for (var i = _tail.Count - cached; i < _tail.Count; i++)
        {
            _node.Cache.Removed(_tail[i].Length);
        }

        _tail.RemoveLast(cached);
        _durableIndex = Math.Min(_durableIndex, index - 1);
        FailWaitersFrom(index);
    }

    private void ForgetThrough(LogPosition start)
    {
        _entries.RemoveFirst((int)(start.Index - _start.Index));
        _start = start;
        ReleaseTail(Math.Max(0, _tail.Count - _entries.Count));
        _tickets.RemoveFirst(Math.Max(0, _tickets.Count - _entries.Count));
    }

    private void ReleaseTail(int count)
    {
        for (var i = 0; i < count; i++)
        {
            _node.Cache.Removed(_tail[i].Length);
        }

        _tail.RemoveFirst(count);
    }

    private void ThrowIfDropped() => ObjectDisposedException.ThrowIf(_isDropped, this);
}
