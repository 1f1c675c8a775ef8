using DotNext.Net.Cluster;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Log;
using KvRaft.Topology;

namespace KvRaft.Raft.Consensus;

// Term and vote: durable before they are answered.
internal sealed partial class GroupAuditTrail
{
    bool IPersistentState.IsVotedFor(in ClusterMemberId id)
    {
        var votedFor = _log.Ballot.VotedFor;
        return votedFor.IsEmpty || votedFor.Span.SequenceEqual(Encode(id));
    }

    async ValueTask<long> IPersistentState.IncrementTermAsync(ClusterMemberId member, CancellationToken token)
    {
        long term;
        lock (_gate)
        {
            term = _log.Ballot.Term + 1;
            _terms.OnCampaign(term);
            SetBallot(term, Encode(member));
        }

        await _log.WhenDurableAsync().ConfigureAwait(false);
        return term;
    }

    ValueTask IPersistentState.UpdateTermAsync(long term, bool resetLastVote, CancellationToken token)
    {
        lock (_gate)
        {
            var ballot = _log.Ballot;
            Invariant.Holds(term >= ballot.Term, $"The term may not go back from {ballot.Term} to {term}.");
            SetBallot(term, resetLastVote ? [] : ballot.VotedFor.Span);
        }

        return _log.WhenDurableAsync();
    }

    ValueTask IPersistentState.UpdateVotedForAsync(ClusterMemberId member, CancellationToken token)
    {
        lock (_gate)
        {
            SetBallot(_log.Ballot.Term, Encode(member));
        }

        return _log.WhenDurableAsync();
    }

    /// <summary>
    /// In a term, and in all terms before it, the vote counts as given to no candidate. If a vote in this term is on record, that vote stays: a term has one
    /// vote, and a recorded vote was not lost.
    /// </summary>
    public void Abstain(long term)
    {
        Span<byte> nobody = stackalloc byte[ClusterMemberId.Size];
        nobody.Fill(byte.MaxValue);
        lock (_gate)
        {
            if (_log.Ballot.Term > Ballot.TermMax)
            {
                // No replica was ever elected in such a term, so a vote in it has no effect.
                SetBallot(term, nobody);
            }
            else if (_log.Ballot.Term < term || _log.Ballot.VotedFor.IsEmpty)
            {
                SetBallot(Math.Max(term, _log.Ballot.Term), nobody);
            }
        }
    }

    private void SetBallot(long term, ReadOnlySpan<byte> votedFor)
    {
        if (term != _log.Ballot.Term)
        {
            _indexes.OnNewTerm();
        }

        _log.SetBallot(term, votedFor);
        Volatile.Write(ref _term, term);
    }

    private static byte[] Encode(in ClusterMemberId id)
    {
        var bytes = new byte[ClusterMemberId.Size];
        id.Format(bytes);
        return bytes;
    }
}
