using KvRaft.Chaos.Checkers;
using KvRaft.Storage.Commands;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>
/// A shard's group of three to seven replicas with their disks, network, clocks and clients, all driven by one seed. The power fails during a write, processes crash
/// and restart, messages are lost, duplicated and reordered, nodes are cut off, logs discard flushed entries, and elections start at bad times. The code under
/// test is the store's own, from the proposals to the bytes of the log (<see cref="SimulatedReplica"/> names the parts that are models). At the end all faults are removed, all
/// replicas must be equal, and the checkers of real clusters check the histories of the clients.
/// </summary>
internal sealed partial class GroupRun : IAsyncDisposable
{
    /// <summary>2026-01-01T00:00Z.</summary>
    public const long BeginsAtMs = 1_767_225_600_000;

    /// <summary>Larger groups need more messages for the same progress.</summary>
    private const int StepsOfReplica = 800;

    private const int StepsMin = 3000;

    /// <summary>A group without faults needs a few hundred steps to become idle; more than this limit is a livelock.</summary>
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
        _wire = new Wire(_chance, _setup.Replicas) { LossPercent = _chance.Next(3) switch { 0 => 0, 1 => 2, _ => 8 }, DisorderPercent = _setup.Profile == GroupProfile.Elections ? 60 : 25 };
        _replicas = [.. Enumerable.Range(0, _setup.Replicas).Select(number => new SimulatedReplica(number, _setup, _chance, _wire, _record, _directory))];
        _clients = [.. Enumerable.Range(0, 4).Select(number => new SimulatedClient(_chance, _history, hasSession: number % 2 == 0, _setup.Bug))];
        _record.IsHeld = _setup.ChecksCommits ? (replica, position) => _replicas[replica].Holds(position.Index, position.Term) : null;
    }

    /// <summary>The events, in order.</summary>
    public List<string> Events { get; } = [];

    /// <summary>The first violation; null: none.</summary>
    public string? Fault { get; private set; }

    public int Answered => _history.Answered;

    public int Elections => _record.Elections;

    public int PartialRounds => _record.PartialRounds;

    /// <summary>Changes of the voters that leaders have started.</summary>
    public int Changes { get; private set; }

    public void Run()
    {
        try
        {
            for (var step = 0; step < Math.Max(StepsMin, StepsOfReplica * _replicas.Length) && _record.Fault is null; step++)
            {
                Step();
            }

            Heal();
            Fault = _record.Fault ?? Fault ?? _history.Check();
        }
        catch (Exception broken)
        {
            Fault = broken.ToString();
        }

        if (Fault is not null)
        {
            Fault = $"KVRAFT_SIMULATION_SEED={_seed}: {Fault}\n{string.Join('\n', Events.TakeLast(60))}";
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

    private SimulatedReplica AnyReplica => _replicas[_chance.Next(_replicas.Length)];

    /// <summary>Mostly a replica that leads or assumes that it leads, sometimes any replica.</summary>
    private SimulatedReplica LikelyLeader =>
        _chance.Next(4) != 0 && Array.FindAll(_replicas, static replica => replica.IsLeader) is { Length: > 0 } leaders ? leaders[_chance.Next(leaders.Length)] : AnyReplica;

    private void Step()
    {
        _nowMs += _chance.Next(5);
        var replica = AnyReplica;

        // Clocks differ by 25 ms from node to node. No decision about order may depend on them.
        if (replica != _deposed)
        {
            replica.NowMs = _nowMs + (Array.IndexOf(_replicas, replica) * 25) - 50;
        }

        if (TryStepOfProfile())
        {
            return;
        }

        var roll = _chance.Next(1000);
        if (!replica.IsUp)
        {
            if (roll < 60 && !IsRetired(replica))
            {
                replica.Start();
                Note("starts", replica);
            }

            return;
        }

        switch (roll)
        {
            case < 220:
                _clients[_chance.Next(_clients.Length)].Step(LikelyLeader, waits: false);
                break;
            case < 480:
                // Rounds wait for answers, so messages are faster than all other events.
                Deliver();
                Deliver();
                break;
            case < 680:
                // A follower answers when its disk has written. Mostly a replica with pending writes is chosen.
                Pump(_chance.Next(3) != 0 && Array.FindAll(_replicas, static other => other.IsWriting) is { Length: > 0 } writing ? writing[_chance.Next(writing.Length)] : replica);
                break;
            case < 780:
                replica.Apply(1 + _chance.Next(8));
                break;
            case < 890:
                Tick(replica);
                break;
            case < 960:
                if (_chance.Next(5) == 0)
                {
                    Fill(LikelyLeader);
                }
                else
                {
                    Propose(LikelyLeader);
                }

                break;
            case < 961:
                replica.Campaign();
                Note("campaigns", replica);
                break;
            case < 968:
                replica.Flush(_chance.Next(4));
                Note("flushes", replica);
                break;
            case < 977:
                CatchUp(replica);
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
                Cut(LikelyLeader, isOneWay: _chance.Next(3) == 0);
                break;
            case < 994 when _deposed is null:
                _wire.Heal();
                break;
            case < 998 when _setup.Spares > 0:
                ChangeVoters(LikelyLeader);
                break;
            default:
                _clients[_chance.Next(_clients.Length)].Step(AnyReplica, waits: false);
                break;
        }
    }

    private bool IsRetired(SimulatedReplica replica) => _retired.Contains(Array.IndexOf(_replicas, replica));

    /// <summary>The replica with the newest voters in force.</summary>
    private SimulatedReplica Newest => _replicas.MaxBy(static replica => replica.VotersVersion)!;

    /// <summary>
    /// A leader adds a replica that never voted, or removes a replica other than itself. The removed replica is not notified; the run stops it some time later and does not start it again.
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
            Note(isAdded ? $"adds {replica}" : $"removes {replica}", leader);
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

    // Every flush of a state is synced, which is cheap in memory.
    internal static string NewDirectory() => Directory.Exists("/dev/shm")
        ? Directory.CreateDirectory(Path.Combine("/dev/shm", $"kvraft-simulated-{Guid.NewGuid():n}")).FullName
        : Directory.CreateTempSubdirectory("kvraft-simulated-").FullName;

    private void Tick(SimulatedReplica replica)
    {
        if (replica.Tick())
        {
            Note("campaigns after an election timeout", replica);
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

    /// <summary>Many entries at once, for a key that no client reads: a follower needs several runs for them, and a deposed leader has more entries to truncate.</summary>
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
            Note(message.ToString(), receiver);
            RestartIfVoted(receiver);
        }
    }

    private void Pump(SimulatedReplica replica)
    {
        if (_chance.Next(80) == 0)
        {
            // The power fails directly before the write of records whose content may already have been sent.
            Crash(replica, power: true);
            return;
        }

        replica.Pump();
        Note("writes", replica);
        RestartIfVoted(replica);
    }

    private void Crash(SimulatedReplica replica, bool power)
    {
        replica.Crash(power);
        Note(power ? "loses power" : "is killed", replica);
    }

    private void CatchUp(SimulatedReplica replica)
    {
        var other = AnyReplica;
        if (other == replica || !other.IsUp)
        {
            return;
        }

        if (replica.TryInstallCheckpointOf(other))
        {
            Note("installs a checkpoint", replica);
        }

        replica.RequestNextIndex(other);
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

        Note(isOneWay ? "cannot send" : "is cut off", _replicas[alone]);
    }

    /// <summary>Removes all faults, lets all clients finish, and reads every key once more.</summary>
    private void Heal()
    {
        Events.Add("-- all faults removed");
        _wire.Heal();
        _wire.LossPercent = 0;
        foreach (var replica in _replicas)
        {
            if (replica.IsUp)
            {
                // The crash also cancels a power failure that is still to come.
                replica.Crash(power: false);
            }

            if (!IsRetired(replica))
            {
                replica.Start();
            }
        }

        RunUntil(() => _clients.All(static client => client.IsIdle));
        foreach (var key in SimulatedClient.Keys)
        {
            _clients[0].Begin(SimulatedClient.ReadOf(key));
            RunUntil(() => _clients[0].IsIdle);
        }

        RunUntil(() => Array.Find(_replicas, static replica => replica.IsLeader) is { } leader && VotersOf(leader).All(replica => replica.Applied == leader.Last && replica.Last == leader.Last));
        if (Array.Find(_replicas, static replica => replica.IsLeader) is { } last && VotersOf(last).Select(static replica => replica.Digest).Distinct().Count() > 1)
        {
            Fault ??= "replicas with equal logs have different states";
        }
    }

    private IEnumerable<SimulatedReplica> VotersOf(SimulatedReplica leader) => leader.Voters.Select(voter => _replicas[voter]);

    private void RunUntil(Func<bool> isReached)
    {
        for (var step = 0; Fault is null && _record.Fault is null && !isReached(); step++)
        {
            if (step == HealingMax)
            {
                Fault = $"does not become idle: {string.Join(", ", _replicas.AsEnumerable())}";
                return;
            }

            HealingStep();
        }
    }

    private void HealingStep()
    {
        var replica = AnyReplica;
        replica.NowMs = ++_nowMs;
        if (!replica.IsUp)
        {
            return;
        }

        if (!Array.Exists(_replicas, static other => other.IsLeader) && _chance.Next(10) == 0)
        {
            replica.Campaign();
        }

        Propose(replica);
        Deliver();
        Deliver();
        replica.Pump();
        replica.Apply(8);
        CatchUp(replica);
        if (_clients[_chance.Next(_clients.Length)] is { IsIdle: false } client)
        {
            client.Step(LikelyLeader, waits: true);
        }
    }

    private void Note(string what, SimulatedReplica replica) => Events.Add($"{what} | {replica}");
}
