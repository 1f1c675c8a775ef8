using KvRaft.Chaos.Checkers;
using KvRaft.Storage.Commands;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>
/// A shard's group of three to seven replicas, its disks, its network, its clocks and its clients, all by one seed: power goes half-way through a write, processes die
/// and come back, messages are lost, doubled and out of order, nodes are cut off, logs forget what was flushed, elections come when they should not. What is under
/// test is the store's own code, from the proposals down to the bytes of the log (<see cref="SimulatedReplica"/> says what is a model). In the end everything heals, all
/// replicas must be equal, and the judges of real clusters judge what the clients saw.
/// </summary>
internal sealed partial class GroupRun : IAsyncDisposable
{
    /// <summary>2026-01-01T00:00Z.</summary>
    public const long BeginsAtMs = 1_767_225_600_000;

    /// <summary>Larger groups need more messages for the same.</summary>
    private const int StepsOfReplica = 800;

    private const int StepsMin = 3000;

    /// <summary>A group that heals needs a few hundred; one that goes round in circles is found out.</summary>
    private const int HealingMax = 4000;

    private static readonly GroupOperation Filler = new(Functions.Put, "filler") { Value = HistoryValue.Text(new string('f', 40)) };

    private readonly int _seed;
    private readonly Random _chance;
    private readonly Wire _wire;
    private readonly GroupRecord _record = new();
    private readonly GroupHistory _history = new();
    private readonly SimulatedReplica[] _replicas;
    private readonly SimulatedClient[] _clients;
    private readonly string _directory = NewDirectory();
    private readonly HashSet<int> _joined = [];
    private readonly HashSet<int> _haveVoted = [];
    private readonly HashSet<int> _retired = [];
    private readonly GroupSetup _setup;
    private long _nowMs = BeginsAtMs;

    public GroupRun(int seed, GroupSetup? setup = null)
    {
        (_seed, _chance, _setup) = (seed, new Random(seed), setup ?? GroupSetup.Of(seed));
        _wire = new Wire(_chance, _setup.Replicas) { Trouble = _chance.Next(3) switch { 0 => 0, 1 => 2, _ => 8 }, Disorder = _setup.Profile == GroupProfile.Elections ? 60 : 25 };
        _replicas = [.. Enumerable.Range(0, _setup.Replicas).Select(number => new SimulatedReplica(number, _setup, _chance, _wire, _record, _directory))];
        _clients = [.. Enumerable.Range(0, 4).Select(number => new SimulatedClient(_chance, _history, hasSession: number % 2 == 0, _setup.Bug))];
        _record.IsHeld = _setup.ProvesCommits ? (replica, position) => _replicas[replica].Holds(position.Index, position.Term) : null;
    }

    /// <summary>What happened, in order.</summary>
    public List<string> Story { get; } = [];

    /// <summary>What is wrong; null: nothing.</summary>
    public string? Fault { get; private set; }

    public int Answered => _history.Answered;

    public int Elections => _record.Elections;

    public int PartialRounds => _record.PartialRounds;

    /// <summary>Changes of the voters that came into force.</summary>
    public int Changes { get; private set; }

    public void Play()
    {
        try
        {
            for (var step = 0; step < Math.Max(StepsMin, StepsOfReplica * _replicas.Length) && _record.Fault is null; step++)
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
        if (replica != _deposed)
        {
            replica.NowMs = _nowMs + (Array.IndexOf(_replicas, replica) * 25) - 50;
        }

        if (StepOfProfile())
        {
            return;
        }

        var roll = _chance.Next(1000);
        if (!replica.IsUp)
        {
            if (roll < 60 && !IsRetired(replica))
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
            case < 480:
                // Rounds wait for answers, so messages are quicker than everything else.
                Deliver();
                Deliver();
                break;
            case < 680:
                // A follower answers when its disk has; most of the time a disk that has something to do is the one that works.
                Pump(_chance.Next(3) != 0 && Array.FindAll(_replicas, static other => other.IsWriting) is { Length: > 0 } writing ? writing[_chance.Next(writing.Length)] : replica);
                break;
            case < 780:
                replica.Apply(1 + _chance.Next(8));
                break;
            case < 890:
                Work(replica);
                break;
            case < 960:
                if (_chance.Next(5) == 0)
                {
                    Fill(Likely);
                }
                else
                {
                    Propose(Likely);
                }

                break;
            case < 961:
                replica.StandForElection();
                Tell("stands", replica);
                break;
            case < 968:
                replica.Flush();
                Tell("flushes", replica);
                break;
            case < 977:
                Rescue(replica);
                break;
            case < 980:
                replica.CutOff();
                break;
            case < 982:
                replica.CutPowerSoon();
                break;
            case < 985:
                Crash(replica, power: false);
                break;
            case < 988 when _deposed is null:
                Cut(Likely, isOneWay: _chance.Next(3) == 0);
                break;
            case < 994 when _deposed is null:
                _wire.Heal();
                break;
            case < 998 when _setup.Spares > 0:
                ChangeVoters(Likely);
                break;
            default:
                _clients[_chance.Next(_clients.Length)].Step(Any, isPatient: false);
                break;
        }
    }

    private bool IsRetired(SimulatedReplica replica) => _retired.Contains(Array.IndexOf(_replicas, replica));

    /// <summary>The newest voters that are in force anywhere.</summary>
    private SimulatedReplica Newest => _replicas.MaxBy(static replica => replica.VotersVersion)!;

    /// <summary>
    /// A leader adds a replica that never voted, or removes another one than itself. A replica that was removed is not notified; it is stopped some time later, and never starts again.
    /// </summary>
    private void ChangeVoters(SimulatedReplica leader)
    {
        var (number, voters) = (Array.IndexOf(_replicas, leader), Newest.Voters);
        _haveVoted.UnionWith(voters);
        if (_haveVoted.Except(voters).Except(_retired).Order().ToArray() is [var gone, ..])
        {
            Retire(gone);
            return;
        }

        var fresh = Enumerable.Range(_setup.Voters, _setup.Spares).Where(replica => !_joined.Contains(replica)).ToArray();
        var isAdded = fresh.Length > 0 && (voters.Count < 4 || _chance.Next(2) == 0);
        var replica = isAdded ? fresh[0] : leader.Voters.Where(voter => voter != number).Order().ElementAtOrDefault(_chance.Next(Math.Max(1, leader.Voters.Count - 1)));
        if ((isAdded || leader.Voters.Count > 3) && leader.IsLeader && leader.TryChangeVoters(replica))
        {
            if (isAdded)
            {
                _joined.Add(replica);
            }

            Changes++;
            Tell(isAdded ? $"adds {replica}" : $"removes {replica}", leader);
        }
    }

    private void Retire(int number)
    {
        _retired.Add(number);
        if (_replicas[number].IsUp)
        {
            Crash(_replicas[number], power: false);
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

    /// <summary>Many entries at once, of a key that nobody reads: a follower needs several runs for them, and a leader that is cut off has more to take back.</summary>
    private void Fill(SimulatedReplica replica)
    {
        for (var count = _chance.Next(3, 9); count > 0; count--)
        {
            replica.Offer(Filler.Command(RequestStamp.None));
            replica.Propose();
        }

        Propose(replica);
    }

    private void Deliver()
    {
        if (_wire.Take() is { } message && _replicas[message.To] is { IsUp: true } receiver)
        {
            receiver.Receive(message);
            Tell(message.ToString(), receiver);
            RestartIfVoted(receiver);
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
        RestartIfVoted(replica);
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

    private void Cut(SimulatedReplica replica, bool isOneWay)
    {
        _wire.Heal();
        var alone = Array.IndexOf(_replicas, replica);
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

            if (!IsRetired(replica))
            {
                replica.Start();
            }
        }

        RestWhen(() => _clients.All(static client => client.IsIdle));
        foreach (var key in SimulatedClient.Keys)
        {
            _clients[0].Begin(SimulatedClient.ReadOf(key));
            RestWhen(() => _clients[0].IsIdle);
        }

        RestWhen(() => Array.Find(_replicas, static replica => replica.IsLeader) is { } leader && VotersOf(leader).All(replica => replica.Applied == leader.Last && replica.Last == leader.Last));
        if (Array.Find(_replicas, static replica => replica.IsLeader) is { } last && VotersOf(last).Select(static replica => replica.Digest).Distinct().Count() > 1)
        {
            Fault ??= "replicas that applied the same differ";
        }
    }

    private IEnumerable<SimulatedReplica> VotersOf(SimulatedReplica leader) => leader.Voters.Select(voter => _replicas[voter]);

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
        if (!replica.IsUp)
        {
            return;
        }

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
