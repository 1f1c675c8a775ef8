using KvRaft.Storage;
using KvRaft.Topology;

namespace KvRaft.Raft.Proposals;

/// <summary>
/// Which of this replica's proposals are under way, and what settles each.
/// <para>
/// A proposal is answered from <i>apply</i>, found by its entry's own id. When leadership is lost after an entry was appended, its fate
/// is open; the proposal keeps waiting, because two things can still settle it: the entry is applied after all (by whoever leads
/// now), or another entry is applied at its index, and then it certainly never will be. Only when its caller gives up, or a
/// checkpoint jumps over the index, is the answer <see cref="ProposalStatus.Unknown"/>.
/// </para>
/// <para>Waits for nothing and reads no clock. Thread-safe.</para>
/// </summary>
/// <param name="proposer">Unique to this opening of this replica.</param>
/// <param name="leader">Whom to name to those who are refused.</param>
internal sealed class ProposalLedger(Guid proposer, Func<NodeId?> leader)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<EntryId, ProposedBatch> _underWay = [];
    private long _number;

    /// <summary>The next entry of these proposals, under way from now on.</summary>
    /// <param name="proposals">All of them may be proposed (<see cref="Proposal.TryPropose"/>).</param>
    /// <param name="term">In which it is proposed; the log takes it only if this replica leads that term.</param>
    /// <param name="time">The time the entry is given.</param>
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

    /// <summary>The log did not take the entry: it was certainly not executed.</summary>
    public void NeverAppended(ProposedBatch batch, ProposalStatus status)
    {
        lock (_gate)
        {
            _underWay.Remove(batch.Id);
        }

        CompleteAll(batch, status);
    }

    /// <summary>Whether an entry is one of this replica's that is not settled yet.</summary>
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
    /// <param name="id">The id of the applied entry; null for an entry that carried no commands.</param>
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
                // Another entry was committed where ours was appended, or beyond it: ours can never be.
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

    /// <summary>A checkpoint was installed: what was proposed at or below its index cannot be told any more.</summary>
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

    /// <summary>What a proposal is told that was not applied.</summary>
    public ProposalResult Refuse(ProposalStatus status) => new(status, null, LogPosition.None, leader());

    private void CompleteAll(ProposedBatch batch, ProposalStatus status)
    {
        foreach (var proposal in batch.Proposals)
        {
            proposal.Complete(Refuse(status));
        }
    }
}
