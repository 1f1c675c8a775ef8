namespace KvRaft.Raft.Log;

/// <content>What the writer tells the group. All of it on the writer's thread.</content>
internal sealed partial class GroupLog
{
    // The writer's own; no lock.
    private bool _isTouched;
    private bool _hasAdvanced;

    /// <summary>The group as the files have it; null before its first record is written. The writer's own.</summary>
    internal GroupShadow? Shadow { get; set; }

    /// <summary>A record of this group was synced. Answers whether it is the group's first since <see cref="Publish"/>.</summary>
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

    /// <summary>Wakes whoever waited for what was synced.</summary>
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

    /// <summary>Lets half of the durable payloads in memory go, oldest first. Answers whether there were any.</summary>
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
        // A ticket that is not the first one waited for belongs to an entry that was cut or forgotten meanwhile.
        if (_tickets.Count == 0 || _tickets[0] != ticket)
        {
            return;
        }

        ref var entry = ref _entries[_entries.Count - _tickets.Count];
        entry = entry with { Segment = segment, Offset = offset };
        AdvanceTo(_start.Index + _entries.Count - _tickets.Count + 1);
        _tickets.RemoveFirst();
    }

    // Not told by comparing with what was told last: a cut and new entries in one batch may end where it stood.
    private void AdvanceTo(long index)
    {
        if (index > _durableIndex)
        {
            _durableIndex = index;
            _hasAdvanced = true;
        }
    }
}
