namespace KvRaft.Simulation.Tests.Groups;

/// <summary>
/// A shard's group of three or five replicas, its disks, its network, its clocks and its clients, all by one seed: power goes half-way through a write, processes die
/// and come back, messages are lost, doubled and out of order, nodes are cut off, logs forget what was flushed, elections come when they should not. What is under
/// test is the store's own code, from the proposals down to the bytes of the log (<see cref="SimulatedReplica"/> says what is a model). In the end everything heals, all
/// replicas must be equal, and the judges of real clusters judge what the clients saw.
/// </summary>
internal sealed class GroupRun : IAsyncDisposable
{
    /// <summary>2026-01-01T00:00Z.</summary>
    public const long BeginsAtMs = 1_767_225_600_000;

    private const int StepsMax = 3000;

    /// <summary>A group that heals needs a few hundred; one that goes round in circles is found out.</summary>
    private const int HealingMax = 4000;

    private readonly int _seed;
    private readonly Random _chance;
    private readonly Wire _wire;
    private readonly GroupRecord _record = new();
    private readonly GroupHistory _history = new();
    private readonly SimulatedReplica[] _replicas;
    private readonly SimulatedClient[] _clients;
    private readonly string _directory = NewDirectory();
    private long _nowMs = BeginsAtMs;

    public GroupRun(int seed, GroupBug bug = GroupBug.None)
    {
        (_seed, _chance) = (seed, new Random(seed));
        var nodes = seed % 4 == 0 ? 5 : 3;
        _wire = new Wire(_chance, nodes) { Trouble = _chance.Next(3) switch { 0 => 0, 1 => 5, _ => 15 } };
        _replicas = [.. Enumerable.Range(0, nodes).Select(number => new SimulatedReplica(number, nodes, bug, _chance, _wire, _record, _directory))];
        _clients = [.. Enumerable.Range(0, 4).Select(number => new SimulatedClient(_chance, _history, hasSession: number % 2 == 0, bug))];
    }

    /// <summary>What happened, in order.</summary>
    public List<string> Story { get; } = [];

    /// <summary>What is wrong; null: nothing.</summary>
    public string? Fault { get; private set; }

    public int Answered => _history.Answered;

    public int Elections => _record.Elections;

    public void Play()
    {
        try
        {
            for (var step = 0; step < StepsMax && _record.Fault is null; step++)
            {
                Step();
            }

            Heal();
            Fault = _record.Fault ?? Fault ?? _history.Judge();
        }
        catch (Exception broken)
        {
            Fault = broken.ToString();
        }

        if (Fault is not null)
        {
            Fault = $"KVRAFT_SIMULATION_SEED={_seed}: {Fault}\n{string.Join('\n', Story.TakeLast(60))}";
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var replica in _replicas)
        {
            await replica.DisposeAsync();
        }

        Directory.Delete(_directory, recursive: true);
    }

    private SimulatedReplica Any => _replicas[_chance.Next(_replicas.Length)];

    /// <summary>One that leads, or thinks so; sometimes just anybody.</summary>
    private SimulatedReplica Likely =>
        _chance.Next(4) != 0 && Array.FindAll(_replicas, static replica => replica.IsLeader) is { Length: > 0 } leaders ? leaders[_chance.Next(leaders.Length)] : Any;

    private void Step()
    {
        _nowMs += _chance.Next(5);
        var replica = Any;

        // Clocks differ by up to 50 ms a node, and none of them is asked what came first.
        replica.NowMs = _nowMs + (Array.IndexOf(_replicas, replica) * 25) - 50;
        var roll = _chance.Next(1000);
        if (!replica.IsUp)
        {
            if (roll < 60)
            {
                replica.Start();
                Tell("starts", replica);
            }

            return;
        }

        switch (roll)
        {
            case < 220:
                _clients[_chance.Next(_clients.Length)].Step(Likely, isPatient: false);
                break;
            case < 580:
                Deliver();
                break;
            case < 760:
                Pump(replica);
                break;
            case < 870:
                replica.Apply(1 + _chance.Next(8));
                break;
            case < 920:
                Work(replica);
                break;
            case < 960:
                Propose(Likely);
                break;
            case < 963:
                replica.StandForElection();
                Tell("stands", replica);
                break;
            case < 971:
                replica.Flush();
                Tell("flushes", replica);
                break;
            case < 980:
                Rescue(replica);
                break;
            case < 983:
                replica.CutOff();
                break;
            case < 985:
                replica.CutPowerSoon();
                break;
            case < 988:
                Crash(replica, power: false);
                break;
            case < 992:
                Cut();
                break;
            case < 994:
                _wire.Heal();
                break;
            default:
                _clients[_chance.Next(_clients.Length)].Step(Any, isPatient: false);
                break;
        }
    }

    // Every flush of a state is synced, which in memory costs nothing.
    private static string NewDirectory() => Directory.Exists("/dev/shm")
        ? Directory.CreateDirectory(Path.Combine("/dev/shm", $"kvraft-simulated-{Guid.NewGuid():n}")).FullName
        : Directory.CreateTempSubdirectory("kvraft-simulated-").FullName;

    private void Work(SimulatedReplica replica)
    {
        if (replica.IsLeader)
        {
            replica.Replicate();
        }
        else if (replica.LosesPatience())
        {
            replica.StandForElection();
            Tell("stands, for it heard of no leader", replica);
        }
    }

    private static void Propose(SimulatedReplica replica)
    {
        replica.Propose();
        if (replica.IsLeader)
        {
            replica.Replicate();
        }
    }

    private void Deliver()
    {
        if (_wire.Take() is { } message && _replicas[message.To] is { IsUp: true } receiver)
        {
            receiver.Receive(message);
            Tell(message.ToString(), receiver);
        }
    }

    private void Pump(SimulatedReplica replica)
    {
        if (_chance.Next(80) == 0)
        {
            // Of all moments, just before what was said gets to the disk.
            Crash(replica, power: true);
            return;
        }

        replica.Pump();
        Tell("writes", replica);
    }

    private void Crash(SimulatedReplica replica, bool power)
    {
        replica.Crash(power);
        Tell(power ? "loses its power" : "is killed", replica);
    }

    private void Rescue(SimulatedReplica replica)
    {
        var other = Any;
        if (other == replica || !other.IsUp)
        {
            return;
        }

        if (replica.TryTakeCopyOf(other))
        {
            Tell("takes a copy", replica);
        }

        replica.Nudge(other);
    }

    private void Cut()
    {
        _wire.Heal();
        var alone = Array.IndexOf(_replicas, Likely);
        var isOneWay = _chance.Next(3) == 0;
        for (var other = 0; other < _replicas.Length; other++)
        {
            _wire.Cut(alone, other);
            if (!isOneWay)
            {
                _wire.Cut(other, alone);
            }
        }

        Tell(isOneWay ? "is mute" : "is cut off", _replicas[alone]);
    }

    /// <summary>Nothing is broken any more; everybody finishes, and everything is read once more.</summary>
    private void Heal()
    {
        Story.Add("-- heals");
        _wire.Heal();
        _wire.Trouble = 0;
        foreach (var replica in _replicas)
        {
            if (replica.IsUp)
            {
                // Also a cut of the power that was still to come is called off.
                replica.Crash(power: false);
            }

            replica.Start();
        }

        RestWhen(() => _clients.All(static client => client.IsIdle));
        foreach (var key in SimulatedClient.Keys)
        {
            _clients[0].Begin(SimulatedClient.ReadOf(key));
            RestWhen(() => _clients[0].IsIdle);
        }

        RestWhen(() => _replicas.All(replica => replica.Applied == _replicas[0].Last && replica.Last == _replicas[0].Last));
        if (_replicas.Select(static replica => replica.Digest).Distinct().Count() > 1)
        {
            Fault ??= "replicas that applied the same differ";
        }
    }

    private void RestWhen(Func<bool> isReached)
    {
        for (var step = 0; Fault is null && _record.Fault is null && !isReached(); step++)
        {
            if (step == HealingMax)
            {
                Fault = $"does not come to rest: {string.Join(", ", _replicas.AsEnumerable())}";
                return;
            }

            HealingStep();
        }
    }

    private void HealingStep()
    {
        var replica = Any;
        replica.NowMs = ++_nowMs;
        if (!Array.Exists(_replicas, static other => other.IsLeader) && _chance.Next(10) == 0)
        {
            replica.StandForElection();
        }

        Propose(replica);
        Deliver();
        Deliver();
        replica.Pump();
        replica.Apply(8);
        Rescue(replica);
        if (_clients[_chance.Next(_clients.Length)] is { IsIdle: false } client)
        {
            client.Step(Likely, isPatient: true);
        }
    }

    private void Tell(string what, SimulatedReplica replica) => Story.Add($"{what} | {replica}");
}
