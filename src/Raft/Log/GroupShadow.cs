using KvRaft.Storage;

namespace KvRaft.Raft.Log;

/// <summary>
/// A group's state in the files, which is behind <see cref="GroupLog"/> by the queued records. Owned by the writer: the state
/// is restated at the head of each segment, and it determines which segments the group still needs.
/// </summary>
internal sealed class GroupShadow(ReplicaKey key, GroupState state, long sequence)
{
    // For each segment, oldest first, the highest index of this group in it. Truncated entries are removed from it.
    private readonly RingDeque<(long Segment, long IndexMax)> _runs = new();

    public ReplicaKey Key { get; } = key;

    public long Sequence { get; private set; } = sequence;

    public LogPosition Last { get; private set; } = state.Last;

    public GroupState State { get; private set; } = state;

    /// <summary>The oldest segment with an entry above the start; null when none is needed.</summary>
    public long? OldestSegment => _runs.Count == 0 ? null : _runs[0].Segment;

    public long NextSequence() => ++Sequence;

    public GroupState Restated() => State with { Last = Last };

    public void Appended(long segment, LogPosition last)
    {
        Last = last;
        if (_runs.Count > 0 && _runs[_runs.Count - 1].Segment == segment)
        {
            _runs[_runs.Count - 1].IndexMax = last.Index;
        }
        else
        {
            _runs.AddLast((segment, last.Index));
        }
    }

    public void Changed(GroupState state)
    {
        State = state;
        Last = state.Last;
        while (_runs.Count > 0 && _runs[0].IndexMax <= state.Start.Index)
        {
            _runs.RemoveFirst();
        }

        for (var i = _runs.Count - 1; i >= 0 && _runs[i].IndexMax > state.Last.Index; i--)
        {
            // The previous segment may hold the new last entry already; then this one holds no entry that counts.
            if (i == 0 ? state.IsEmpty : _runs[i - 1].IndexMax >= state.Last.Index)
            {
                _runs.RemoveLast();
            }
            else
            {
                _runs[i].IndexMax = state.Last.Index;
            }
        }
    }

    /// <summary>The index up to which the start must move so that no segment up to <paramref name="segment"/> is needed; null: none is needed now.</summary>
    public long? IndexToPass(long segment)
    {
        long? index = null;
        for (var i = 0; i < _runs.Count && _runs[i].Segment <= segment; i++)
        {
            index = _runs[i].IndexMax;
        }

        return index;
    }
}
