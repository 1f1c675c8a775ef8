namespace KvRaft.Simulation.Tests.Groups;

/// <content>
/// A model of the messages of <c>LeadershipTransfer</c> and <c>LeaderSearch</c> in src/Raft/Leadership, which use DotNext's cluster and cannot run here. The steps and their conditions are the same: the
/// leader holds proposals until none is in progress and the target holds the whole log; then the other voters and the leader stand aside and the target campaigns.
/// </content>
internal sealed partial class SimulatedReplica
{
    private Transfer? _transfer;

    /// <summary>The term in which the replica began to stand aside; null: it does not.</summary>
    private long? _asideSince;

    /// <summary>Begins a transfer of leadership. False: this replica does not lead, or another transfer is in progress.</summary>
    public bool TryTransfer(int target)
    {
        if (!IsLeader || _transfer is not null || target == _number || !Voters.Contains(target))
        {
            return false;
        }

        _transfer = new Transfer(target, _trail.CommitIndex);
        _wire.Send(new StatusRequest(_number, target));
        return true;
    }

    /// <summary>Asks the other survivors to stand aside, and campaigns: the steps of a successor candidate.</summary>
    public void Succeed(IEnumerable<int> survivors)
    {
        foreach (var survivor in survivors.Order().Where(survivor => survivor != _number))
        {
            _wire.Send(new StandAsideRequest(_number, survivor));
        }

        Campaign();
    }

    private void AskTarget()
    {
        if (_transfer is { } transfer)
        {
            _wire.Send(new StatusRequest(_number, transfer.Target));
        }
    }

    private void Handle(StatusRequest request) =>
        _wire.Send(new StatusAnswer(_number, request.From, Voters.Contains(_number), _log.LastIndex, _machine.Applied.Index));

    private void Handle(StandAsideRequest _)
    {
        if (_role != Role.Leader)
        {
            _asideSince = _trail.Term;
        }
    }

    private void Handle(StatusAnswer answer)
    {
        if (_transfer is not { } transfer || transfer.Target != answer.From || _role != Role.Leader)
        {
            return;
        }

        if (!transfer.IsHolding)
        {
            if (!answer.IsVoter || answer.LastIndex < transfer.CommitIndex)
            {
                _transfer = null;
                return;
            }

            _transfer = transfer with { IsHolding = true };
            foreach (var peer in Peers.Where(peer => peer != transfer.Target))
            {
                _wire.Send(new StandAsideRequest(_number, peer));
            }

            AskTarget();
        }
        else if (answer.LastIndex < _log.LastIndex || _underWay.Exists(static proposal => !proposal.Task.IsCompleted))
        {
            // The next tick repeats the query.
            Replicate();
        }
        else
        {
            BecomeFollower();
            _asideSince = _trail.Term;
            _wire.Send(new CampaignRequest(_number, transfer.Target));
        }
    }

    /// <param name="Target">The replica that shall lead.</param>
    /// <param name="CommitIndex">The commit index at the beginning, which the target must hold.</param>
    /// <param name="IsHolding">The target qualifies, and new proposals wait.</param>
    private sealed record Transfer(int Target, long CommitIndex, bool IsHolding = false);
}
