namespace KvRaft.Simulation.Tests.Groups;

/// <content>The steps that each <see cref="GroupProfile"/> adds. A profile changes the frequency and the time of events. The possible events and the checks are the same in all profiles.</content>
internal sealed partial class GroupRun
{
    /// <summary>The leader that is cut off. Its clock is stopped meanwhile: none of its requests times out, so it does not step down.</summary>
    private SimulatedReplica? _deposed;

    /// <summary>Runs a step of the profile. False: this step is one of those that all profiles share.</summary>
    private bool TryStepOfProfile()
    {
        switch (_setup.Profile)
        {
            case GroupProfile.Elections when _chance.Next(80) == 0:
                CompeteForTerm();
                return true;
            case GroupProfile.DeposedLeaders when _chance.Next(_deposed is not null ? 300 : 150) == 0:
                if (_deposed is not null)
                {
                    Reconnect();
                }
                else
                {
                    Depose();
                }

                return true;
            case GroupProfile.DeposedLeaders when _deposed is not null && _chance.Next(4) == 0:
                AskBothLeaders();
                return true;
            default:
                return false;
        }
    }

    /// <summary>Two replicas campaign in the same term, the highest one in which two can. The vote requests of one of them arrive after voters have answered the other.</summary>
    private void CompeteForTerm()
    {
        var able = Array.FindAll(_replicas, static replica => replica.CanCampaign).ToLookup(static replica => replica.Term);
        if (able.Where(static term => term.Count() > 1).MaxBy(static term => term.Key) is not { } rivals)
        {
            return;
        }

        var candidates = rivals.ToArray();
        _chance.Shuffle(candidates);
        _wire.SlowSender = Array.IndexOf(_replicas, candidates[1]);
        foreach (var candidate in candidates.AsSpan(0, 2))
        {
            candidate.Campaign();
            Note("competes", candidate);
        }
    }

    /// <summary>A voter crashes directly after it granted a vote and restarts at once; then the vote request of the other candidate arrives.</summary>
    private void RestartIfVoted(SimulatedReplica replica)
    {
        if (_setup.Profile == GroupProfile.Elections && replica.IsUp && replica.TakeHasVoted() && _chance.Next(2) == 0)
        {
            Crash(replica, power: _chance.Next(2) == 0);
            replica.Start();
            Note("starts", replica);
        }
    }

    /// <summary>A leader is cut off and appends entries that it cannot send. A survivor campaigns at once.</summary>
    private void Depose()
    {
        if (Array.FindAll(_replicas, static replica => replica.IsLeader) is not { Length: > 0 } leaders)
        {
            return;
        }

        var deposed = leaders[_chance.Next(leaders.Length)];
        Cut(deposed, isOneWay: false);
        Fill(deposed);
        _deposed = deposed;
        if (Array.FindAll(_replicas, replica => replica != deposed && replica.CanCampaign) is { Length: > 0 } survivors)
        {
            var candidate = survivors.MaxBy(static replica => (replica.Last.Term, replica.Last.Index))!;
            candidate.Campaign();
            Note("campaigns, because the leader is cut off", candidate);
        }
    }

    /// <summary>Clients reach both leaders: some read from the deposed one keys that others have written through its successor.</summary>
    private void AskBothLeaders()
    {
        if (Array.FindAll(_replicas, static replica => replica.IsLeader) is not { Length: > 0 } leaders)
        {
            return;
        }

        var client = _clients[_chance.Next(_clients.Length)];
        if (client.IsIdle && _chance.Next(2) == 0)
        {
            client.Begin(SimulatedClient.ReadOf(SimulatedClient.Keys.ElementAt(_chance.Next(4))));
            client.Step(leaders.MinBy(static leader => leader.Term)!, waits: false);
        }
        else
        {
            client.Step(leaders.MaxBy(static leader => leader.Term)!, waits: false);
        }
    }

    private void Reconnect()
    {
        _deposed = null;
        _wire.Heal();
        foreach (var replica in _replicas)
        {
            replica.MoveNextIndexesBack();
        }
    }
}
