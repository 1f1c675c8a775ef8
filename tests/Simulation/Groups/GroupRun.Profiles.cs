namespace KvRaft.Simulation.Tests.Groups;

/// <content>What each <see cref="GroupProfile"/> adds. A profile changes how often an event happens and when; which events are possible, and what is judged, is the same in all of them.</content>
internal sealed partial class GroupRun
{
    /// <summary>The leader that is cut off. Its clock stands still meanwhile: none of its requests times out, so it goes on leading.</summary>
    private SimulatedReplica? _deposed;

    /// <summary>False: the step is one of those that all profiles have.</summary>
    private bool StepOfProfile()
    {
        switch (_setup.Profile)
        {
            case GroupProfile.Elections when _chance.Next(80) == 0:
                Compete();
                return true;
            case GroupProfile.DeposedLeaders when _chance.Next(_deposed is not null ? 300 : 150) == 0:
                if (_deposed is not null)
                {
                    Reunite();
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

    /// <summary>Two replicas stand in the same term, the highest one in which two can, and the requests of one arrive when voters have already answered the other.</summary>
    private void Compete()
    {
        var able = Array.FindAll(_replicas, static replica => replica.MayStand).ToLookup(static replica => replica.Term);
        if (able.Where(static term => term.Count() > 1).MaxBy(static term => term.Key) is not { } rivals)
        {
            return;
        }

        var candidates = rivals.ToArray();
        _chance.Shuffle(candidates);
        _wire.Late = Array.IndexOf(_replicas, candidates[1]);
        foreach (var candidate in candidates.AsSpan(0, 2))
        {
            candidate.StandForElection();
            Tell("competes", candidate);
        }
    }

    /// <summary>A voter dies right after it granted a vote and is back at once: the rival's request finds it.</summary>
    private void RestartIfVoted(SimulatedReplica replica)
    {
        if (_setup.Profile == GroupProfile.Elections && replica.IsUp && replica.TakeVote() && _chance.Next(2) == 0)
        {
            Crash(replica, power: _chance.Next(2) == 0);
            replica.Start();
            Tell("starts", replica);
        }
    }

    /// <summary>A leader is cut off, appends what it can send to no other replica, and a survivor stands at once.</summary>
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
        if (Array.FindAll(_replicas, replica => replica != deposed && replica.MayStand) is { Length: > 0 } survivors)
        {
            var candidate = survivors.MaxBy(static replica => (replica.Last.Term, replica.Last.Index))!;
            candidate.StandForElection();
            Tell("stands for the one that is cut off", candidate);
        }
    }

    /// <summary>Clients reach both leaders: some read from the deposed one what others have written at its successor.</summary>
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
            client.Step(leaders.MinBy(static leader => leader.Term)!, isPatient: false);
        }
        else
        {
            client.Step(leaders.MaxBy(static leader => leader.Term)!, isPatient: false);
        }
    }

    private void Reunite()
    {
        _deposed = null;
        _wire.Heal();
        foreach (var replica in _replicas)
        {
            replica.UnderrateFollowers();
        }
    }
}
