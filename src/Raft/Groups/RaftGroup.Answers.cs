using KvRaft.Raft.Log;
using KvRaft.Raft.Membership;
using KvRaft.Raft.Peers;
using KvRaft.Raft.Reads;
using KvRaft.Topology;

namespace KvRaft.Raft.Groups;

// Answers to requests of other nodes.
public sealed partial class RaftGroup
{
    internal PeerStatus PeerStatus()
    {
        var last = _log.Last;
        return new(
            Incarnation, IsLeader, Term, _log.Start.Term, _log.Start.Index, last.Index, _audit.CommitIndex, _machine.Applied.Index, IsMember, last.Term,
            Leaders.IsVacant ? null : Leader?.Value, MayLead, IsNodeSkewed, HasRoom);
    }

    /// <exception cref="PeerRequestException">The log begins later.</exception>
    /// <exception cref="HistoryDiffersException">The entry before the first one has another term here.</exception>
    internal IReadOnlyList<LogEntry> ReadCommitted(long from, long upTo, long previousTerm)
    {
        const int Chunk = 256;
        var to = Math.Min(Math.Min(upTo, _audit.CommitIndex), from + Chunk - 1);
        try
        {
            if (from > _log.Start.Index && from <= to)
            {
                if (_log.TryPositionAt(from - 1) is { } previous && previous.Term != previousTerm)
                {
                    throw new HistoryDiffersException($"entry {from - 1} has term {previous.Term} here and term {previousTerm} at the requesting replica");
                }

                return _log.ReadSome(from, to, EntriesFrame.BytesWanted);
            }
        }
        catch (ArgumentOutOfRangeException)
        {
            // The log truncated them since the check.
        }

        throw new PeerRequestException($"the log holds the committed entries {_log.Start.Index + 1} to {_audit.CommitIndex}, but not {from}");
    }

    /// <exception cref="PeerRequestException">This replica does not lead, or no majority follows it.</exception>
    internal async Task<LeaderProof> ProveLeadershipAsync(CancellationToken cancellationToken)
    {
        // The requesting follower waits until it has applied the proven index, so the round must send it the commit index.
        var term = Term;
        return _health.IsRunning
            && await _barrier.WaitForHeartbeatAsync(cancellationToken).ConfigureAwait(false) == ReadBarrierStatus.Passed && Term == term
            ? new LeaderProof(term, _audit.CommitIndex)
            : throw new PeerRequestException($"this replica of group {Id} does not lead");
    }

    /// <exception cref="PeerRequestException">This replica does not lead, no majority follows it, or its members are about to change.</exception>
    internal async Task<MembersProof> ProveMembersAsync(CancellationToken cancellationToken)
    {
        var term = Term;
        return _health.IsRunning && await _membership.IsSettledAsync(cancellationToken).ConfigureAwait(false) && Term == term
            ? new MembersProof(term, [.. Voters().Select(static voter => new MemberName(voter.Node.Value, voter.Incarnation))])
            : throw new PeerRequestException($"this replica of group {Id} does not lead, or a membership change is in progress");
    }

    /// <summary>This replica itself takes part and has voted in no later term.</summary>
    internal bool IsStillIn(TermQuestion question) => _health.TakesPart && _key == question.Replica && Term <= question.Term;

    /// <summary>Another replica catches up, or has just caught up.</summary>
    internal void OnLeased(NodeId node, long index, bool isDone)
    {
        if (isDone)
        {
            Leases.Release(node);
        }
        else
        {
            Leases.Hold(node, index);
        }

        // The readers of a checkpoint keep it while it is fetched.
        Checkpoints.ForgetReleased();
    }
}
