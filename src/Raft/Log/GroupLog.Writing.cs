namespace KvRaft.Raft.Log;

/// <content>The writer's notifications to the group. All members run on the writer's thread.</content>
internal sealed partial class GroupLog
{
    // Used by the writer only; no lock.
    private bool _isTouched;
    private bool _hasAdvanced;

    /// <summary>The group's state in the files; null before its first record is written. Used by the writer only.</summary>
    internal GroupShadow? Shadow { get; set; }

    /// <summary>A record of this group was synced. Returns whether it is the group's first since <see cref="Publish"/>.</summary>
    internal bool Synced(in PendingRecord record, long segment, int offset)
    {
        lock (_lock)
        {
            _ticketDurable = record.Ticket;
            if (record.Kind == RecordKind.Entry)
            {
                EntrySynced(record.Ticket, segment, offset);
            }
            else if (record.State is { } state)
            {
                AdvanceTo(state.Start.Index);
            }
        }

        var isFirst = !_isTouched;
        _isTouched = true;
        return isFirst;
    }

    /// <summary>Completes the waits for synced records.</summary>
    internal void Publish()
    {
        _isTouched = false;
        long durableIndex;
        lock (_lock)
        {
            durableIndex = _durableIndex;
            CompleteWaiters();
        }

        if (_hasAdvanced)
        {
            _hasAdvanced = false;
            DurableAdvanced?.Invoke(durableIndex);
        }
    }

    /// <summary>Releases half of the durable payloads in memory, oldest first. Returns whether there were any.</summary>
    internal bool ReleaseHalf()
    {
        lock (_lock)
        {
            var durable = _tail.Count - Math.Min(_tail.Count, _tickets.Count);
            ReleaseTail((durable + 1) / 2);
            return durable > 0;
        }
    }

    private void EntrySynced(long ticket, long segment, int offset)
    {
        // A ticket without a matching first waiter belongs to an entry that was truncated meanwhile.
        if (_tickets.Count == 0 || _tickets[0] != ticket)
        {
            return;
        }

        ref var entry = ref _entries[_entries.Count - _tickets.Count];
        entry = entry with { Segment = segment, Offset = offset };
        AdvanceTo(_start.Index + _entries.Count - _tickets.Count + 1);
        _tickets.RemoveFirst();
    }

    // A comparison with the last published index is not sufficient: a truncation and new entries in one batch may end at the same index.
    private void AdvanceTo(long index)
    {
        if (index > _durableIndex)
        {
            _durableIndex = index;
            _hasAdvanced = true;
        }
    }
}
