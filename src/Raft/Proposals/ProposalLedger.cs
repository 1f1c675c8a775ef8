using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Proposals;

/// <summary>
/// This replica's pending proposals, and the rules that complete them.
/// <para>
/// A proposal is completed by <i>apply</i>, which finds it by the id in its entry. If leadership is lost after an entry was appended, its outcome
/// is open. The proposal keeps waiting, because two events can still decide it: the entry is applied after all (by the present
/// leader), or another entry is applied at its index, and then this one is certainly never applied. The result is <see cref="ProposalStatus.Unknown"/> only
/// if its caller gives up, or a checkpoint jumps over the index.
/// </para>
/// <para>Never blocks and reads no clock. Thread-safe.</para>
/// </summary>
/// <param name="proposer">Unique to this opening of this replica.</param>
/// <param name="leader">The leader that is named in refusals.</param>
internal sealed class ProposalLedger(Guid proposer, Func<NodeId?> leader)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<EntryId, ProposedBatch> _underWay = [];
    private long _number;

    /// <summary>The next entry of these proposals, pending from now on.</summary>
    /// <param name="proposals">All of them may be proposed (<see cref="Proposal.TryPropose"/>).</param>
    /// <param name="term">The term in which it is proposed; the log accepts it only if this replica leads that term.</param>
    /// <param name="time">The time stamp of the entry.</param>
    public ProposedBatch Begin(IReadOnlyList<Proposal> proposals, long term, ProposalTime time)
    {
        var commands = new ReadOnlyMemory<byte>[proposals.Count];
        for (var i = 0; i < commands.Length; i++)
        {
            commands[i] = proposals[i].Command;
        }

        lock (_gate)
        {
            var id = new EntryId(proposer, ++_number);
            var batch = new ProposedBatch(id, new ProposedEntry(term, EntryEnvelope.Encode(id, time, commands)), proposals);
            _underWay.Add(id, batch);
            return batch;
        }
    }

    /// <summary>The log did not accept the entry: it was certainly not executed.</summary>
    public void NeverAppended(ProposedBatch batch, ProposalStatus status)
    {
        lock (_gate)
        {
            _underWay.Remove(batch.Id);
        }

        CompleteAll(batch, status);
    }

    /// <summary>True if an entry is a pending one of this replica.</summary>
    public bool IsWaitedFor(EntryId id)
    {
        if (id.Proposer != proposer)
        {
            return false;
        }

        lock (_gate)
        {
            return _underWay.ContainsKey(id);
        }
    }

    /// <summary>Called in log order, for each entry that was applied.</summary>
    /// <param name="position">Where the entry stands.</param>
    /// <param name="id">The id of the applied entry; null for an entry without commands.</param>
    /// <param name="outcomes">One for each of its commands.</param>
    public void OnApplied(LogPosition position, EntryId? id, IReadOnlyList<Outcome> outcomes)
    {
        ProposedBatch? ours = null;
        List<ProposedBatch>? displaced = null;
        lock (_gate)
        {
            if (_underWay.Count == 0)
            {
                return;
            }

            if (id is { } key && key.Proposer == proposer && _underWay.Remove(key, out ours))
            {
                Invariant.Holds(outcomes.Count == ours.Proposals.Count, $"Entry {position} answered {outcomes.Count} of {ours.Proposals.Count} commands.");
            }

            foreach (var (otherKey, batch) in _underWay)
            {
                // Another entry was committed at the index of ours, or beyond it: ours can never be.
                if (batch.Entry.Index != 0 && batch.Entry.Index <= position.Index)
                {
                    (displaced ??= []).Add(batch);
                    _underWay.Remove(otherKey);
                }
            }
        }

        for (var i = 0; i < ours?.Proposals.Count; i++)
        {
            ours.Proposals[i].Complete(new ProposalResult(ProposalStatus.Applied, outcomes[i], position, null));
        }

        foreach (var batch in displaced ?? [])
        {
            CompleteAll(batch, ProposalStatus.NotLeader);
        }
    }

    /// <summary>A checkpoint was installed: the outcome of pending entries at or below its index can no longer be determined.</summary>
    public void OnJumped(LogPosition position)
    {
        List<ProposedBatch> lost;
        lock (_gate)
        {
            lost = [.. _underWay.Values.Where(batch => batch.Entry.Index <= position.Index)];
            foreach (var batch in lost)
            {
                _underWay.Remove(batch.Id);
            }
        }

        foreach (var batch in lost)
        {
            CompleteAll(batch, ProposalStatus.Unknown);
        }
    }

    /// <summary>The result of a proposal that was not applied.</summary>
    public ProposalResult Refuse(ProposalStatus status) => new(status, null, LogPosition.None, leader());

    private void CompleteAll(ProposedBatch batch, ProposalStatus status)
    {
        foreach (var proposal in batch.Proposals)
        {
            proposal.Complete(Refuse(status));
        }
    }
}
