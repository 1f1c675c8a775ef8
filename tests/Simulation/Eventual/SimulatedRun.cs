using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Coordinators;
using KvRaft.Eventual.Replicas;
using KvRaft.Eventual.Tests.Clusters;
using KvRaft.Eventual.Tests.Replicas;
using KvRaft.Storage;
using KvRaft.Topology;
using PlantedBug = KvRaft.Eventual.Tests.Clusters.PlantedBug;
using Some = KvRaft.Eventual.Tests.Replicas.Some;

namespace KvRaft.Simulation.Tests.Eventual;

/// <summary>
/// Five replicas with their disks, network and time, all driven by one seed. Clients read, write and delete while nodes are cut off from each other,
/// crash, lose their disks, and leave and join the ring (each node receives the new ring at another time), and messages are lost, duplicated, delayed and reordered. The
/// code is the store's own, down to the disk; only time is simulated. At the end all faults are removed, and every answer is compared with the state of the
/// replicas. During the run, a read whose quorum overlaps the quorums of writes must return those writes.
/// </summary>
internal sealed class SimulatedRun : IAsyncDisposable
{
    private const int Nodes = 5;
    private const int Keys = 5;
    private const int Clients = 3;
    private const int StepsMax = 160;

    /// <summary>One more than the number of copies, so that a substitute always exists.</summary>
    private const int RingMin = 4;

    /// <summary>The longest delay of a message: shorter than the minimum age at which a tombstone is removed, as in the store.</summary>
    private static readonly TimeSpan LateMax = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan TombstoneAgeMin = TimeSpan.FromSeconds(6);

    private readonly Random _chance;
    private readonly int _seed;
    private readonly SimulatedTime _time = new();
    private readonly Network _network = new();
    private readonly Dictionary<NodeId, SimulatedDisk> _disks = [];
    private readonly SmallCluster _cluster;
    private readonly List<Operation> _operations = [];
    private readonly Reading[,] _readings = new Reading[Clients, Keys];
    private readonly Dictionary<(int Step, NodeId From, NodeId To), int> _messages = [];
    private double _trouble;
    private TimeSpan _sinceArrival;
    private int _step;

    /// <summary>Always false if one copy suffices to acknowledge a write.</summary>
    private bool _mayWipe;

    public SimulatedRun(int seed, PlantedBug? bug = null)
    {
        (_seed, _chance) = (seed, new Random(seed));
        var disks = new Queue<SimulatedDisk>(Enumerable.Range(0, Nodes).Select(i => new SimulatedDisk(new Random(seed + i))));
        var all = disks.ToArray();
        var age = bug is { TombstonesAgeNot: true } ? TimeSpan.Zero : TombstoneAgeMin;
        _mayWipe = seed % 3 != 0;
        var (r, w) = _mayWipe ? (2, 2) : (3, 1);
        _cluster = SmallCluster.Start(Nodes, new QuorumSpec(3, r, w, Sloppy: seed % 4 != 0), age, _network, _time, disks.Dequeue, bug);
        for (var i = 0; i < Nodes; i++)
        {
            _disks.Add(_cluster.Nodes[i], all[i]);
        }

        _network.Decide = FateOf;
    }

    /// <summary>The events, in order.</summary>
    public List<string> Events { get; } = [];

    /// <summary>The first failed check; null: none.</summary>
    public string? Fault { get; private set; }

    public int Acknowledged => _operations.Count(static operation => operation.IsAcknowledged);

    public async Task RunAsync()
    {
        for (_step = 0; _step < StepsMax && Fault is null; _step++)
        {
            await StepAsync();
            await SettledAsync();
        }

        await HealAsync();
        Check("after all faults were removed");
        await _network.ArriveAsync(_chance);
        _time.Pass(TombstoneAgeMin * 2);
        await _cluster.BuryAsync();
        await HealAsync();
        Check("after tombstones were removed");
    }

    public ValueTask DisposeAsync() => _cluster.DisposeAsync();

    private async Task StepAsync()
    {
        // Clients send nothing to a node that has left.
        var node = _cluster.Nodes[_chance.Next(Nodes)];
        if (_cluster.Gone.Contains(node))
        {
            await ChangeRingAsync(node);
            return;
        }

        var (client, key) = (_chance.Next(Clients), _chance.Next(Keys));
        switch (_chance.Next(100))
        {
            case < 18:
                await ReadAsync(client, key, node);
                break;
            case < 33:
                await WriteAsync(client, key, node, blind: true);
                break;
            case < 51:
                await WriteAsync(client, key, node, blind: false);
                break;
            case < 65:
                await DeleteAsync(client, key, node);
                break;
            case < 69:
                Partition();
                break;
            case < 72:
                Note("the network is healed");
                _network.Heal();
                break;
            case < 76:
                _trouble = _chance.Next(2) == 0 ? 0.3 : 0;
                Note($"{_trouble:P0} of the messages are lost, duplicated or delayed");
                break;
            case < 78:
                Note($"{node} crashes");
                await _cluster.Members[node].CrashAsync(_disks[node].CutPower);
                break;
            case < 80:
                await CrashAtSyncAsync(client, key, node);
                break;
            case < 82:
                await ChangeRingAsync(Nodes - _cluster.Lists.Ring.Nodes.Length > 0 && _chance.Next(4) > 0 ? Outsider : node);
                break;
            case < 83:
                Note($"{node} restarts");
                await _cluster.Members[node].RestartAsync();
                break;
            case < 85:
                await WipeAsync(node);
                break;
            case < 88:
                Note($"{node} hands over keys");
                await _cluster.Members[node].Handoff.RunAsync(CancellationToken.None);
                break;
            case < 91:
                Note($"{node} compares trees");
                await _cluster.Members[node].Rounds.RunAsync(CancellationToken.None);
                break;
            case < 94:
                Note($"{node} removes tombstones");
                await _cluster.Members[node].Tombstones.RunAsync(CancellationToken.None);
                break;
            case < 97:
                await ClearAsync(client, key, node);
                break;
            case < 98:
                await ArriveAsync();
                break;
            default:
                await PassAsync(TimeSpan.FromMilliseconds(_chance.Next(100, 8_000)));
                break;
        }

        await PassAsync(TimeSpan.FromMilliseconds(_chance.Next(0, 400)));
    }

    // Nodes on different sides receive nothing from each other, or only one side receives nothing.
    private void Partition()
    {
        var (split, oneWay) = (_chance.Next(1, 1 << Nodes), _chance.Next(3) == 0);
        Note($"partition {split:b5}{(oneWay ? ", one way" : "")}");
        int SideOf(NodeId each) => (split >> (each.Value[1] - '1')) & 1;
        _network.Cut(_cluster.Nodes, (from, to) => oneWay ? SideOf(from) < SideOf(to) : SideOf(from) != SideOf(to));
    }

    // The coordinator sends the write to other replicas and loses its own copy.
    private async Task CrashAtSyncAsync(int client, int key, NodeId node)
    {
        var coordinator = CoordinatorOf(key, node);
        Note($"{coordinator.Self} loses power during a sync");
        _disks[coordinator.Self].CutPowerAtNextSync();
        await WriteAsync(client, key, node, blind: _chance.Next(2) == 0);
        await SettledAsync();
        await coordinator.CrashAsync(_disks[coordinator.Self].CutPower);
    }

    // Stores a write only on a node that is about to leave.
    private async Task WriteAloneAsync(NodeId node)
    {
        Note($"{node} is cut off for one write");
        _network.Cut(_cluster.Nodes, (from, to) => (from == node) != (to == node));
        await WriteAsync(_chance.Next(Clients), _chance.Next(Keys), node, blind: true);
        await SettledAsync();
        _network.Heal();
    }

    private NodeId Outsider => _cluster.Nodes.Except(_cluster.Lists.Ring.Nodes.Select(static each => each.Id)).First();

    // A node that leaves continues to run until it has handed over all keys, as a decommissioned node does. Then it is gone, or joins again before.
    private async Task ChangeRingAsync(NodeId node)
    {
        var ring = _cluster.Lists.Ring.Nodes.Select(static each => each.Id).ToHashSet();
        if (!ring.Contains(node) && !_cluster.Gone.Contains(node) && _chance.Next(3) > 0)
        {
            await LeaveAsync(node);
            return;
        }

        if (!ring.Add(node) && ring.Count > RingMin)
        {
            await WriteAloneAsync(node);
            ring.Remove(node);
        }

        _cluster.Gone.Remove(node);
        _cluster.ChangeRing(ring);
        var informed = _cluster.Members.Values.Where(_ => _chance.Next(2) == 0).ToArray();
        Array.ForEach(informed, static member => member.HearOfRing());
        Note($"the ring is {string.Join(' ', ring.Order())}, and {string.Join(' ', informed.Select(static member => member.Self))} have received it");
        if (!ring.Contains(node) && _chance.Next(2) == 0)
        {
            _cluster.Members[node].HearOfRing();
            await LeaveAsync(node);
        }
    }

    // The node may hand over its keys, and is then asked whether any key remains. After that it must not accept writes.
    private async Task LeaveAsync(NodeId node)
    {
        if (_chance.Next(2) == 0)
        {
            await _cluster.Members[node].Handoff.RunAsync(CancellationToken.None);
            await _cluster.Members[node].Rounds.RunAsync(CancellationToken.None);
        }

        Note($"{node} asks to leave");
        if (!await _cluster.LetGoAsync(node))
        {
            await WriteAloneAsync(node);
            _ = await _cluster.LetGoAsync(node);
        }

        Note(_cluster.Gone.Contains(node) ? $"{node} is gone" : $"{node} is still there");
    }

    private async Task ReadAsync(int client, int key, NodeId node)
    {
        var answer = await _cluster.Members[node].GetAsync(KeyOf(key));
        if (answer.Reached)
        {
            CheckOverlap(key, node, answer);
            _readings[client, key] = new Reading(answer.State.Seen, [.. answer.State.Texts()]);
            Note($"client {client} reads k{key} at {node}: {string.Join(' ', answer.State.Texts())}");
        }
    }

    private async Task WriteAsync(int client, int key, NodeId node, bool blind)
    {
        var reading = blind ? default : _readings[client, key];
        var operation = new Operation(key, $"v{_operations.Count}", [.. reading.Values ?? []], IsDelete: false);
        _operations.Add(operation);
        var answer = await TryAsync(CoordinatorOf(key, node), member => member.PutAsync(KeyOf(key), operation.Value, reading.Seen));
        Note(operation, answer);
        Note($"client {client} writes k{key} = {operation.Value} over [{string.Join(' ', operation.Saw)}] at {node}: {answer.End} {answer.Answered}");
    }

    private async Task DeleteAsync(int client, int key, NodeId node)
    {
        // Mostly deletes the present values, so that keys become tombstones.
        if (_chance.Next(3) > 0)
        {
            await ReadAsync(client, key, node);
        }

        if (_readings[client, key] is not { Seen: { IsEmpty: false } seen } reading)
        {
            return;
        }

        var operation = new Operation(key, $"d{_operations.Count}", [.. reading.Values], IsDelete: true);
        _operations.Add(operation);
        var answer = await TryAsync(CoordinatorOf(key, node), member => member.WriteAsync(KeyOf(key), new DeleteSeen(ConflictPolicy.Siblings, seen)));
        Note(operation, answer);
        Note($"client {client} deletes [{string.Join(' ', operation.Saw)}] of k{key} at {node}: {answer.End} {answer.Answered}");
    }

    private void Note(Operation operation, PutAnswer answer)
    {
        operation.IsAcknowledged = answer is { End: WriteEnd.Applied, Reached: true };
        operation.Overlaps = operation.IsAcknowledged && answer.Overlaps;
    }

    private static async Task<PutAnswer> TryAsync(SmallCluster.Member coordinator, Func<SmallCluster.Member, Task<PutAnswer>> write)
    {
        try
        {
            // A leaving node does not act as a substitute.
            return coordinator.IsLeaving ? default : await write(coordinator);
        }
        catch (StorageException)
        {
            // The power failed: the write may be stored on any replicas, or on none.
            return default;
        }
    }

    // Removes a key as fast as the store permits: deletes it, sends the tombstone to all reachable nodes, and removes the tombstone.
    private async Task ClearAsync(int client, int key, NodeId node)
    {
        if (_chance.Next(3) == 0)
        {
            Note("no faults for one write, but each message arrives a second time later");
            _cluster.Heal();
            _network.Decide = static (_, _) => Fate.Twice;
            await WriteAsync(client, key, node, blind: true);
            await SettledAsync();
            (_trouble, _network.Decide) = (0, FateOf);
        }

        await DeleteAsync(client, key, node);
        await SettledAsync();
        await _cluster.HandOverAsync();
        await _cluster.CompareAsync();
        await PassAsync(_chance.Next(2) == 0 ? TombstoneAgeMin : TimeSpan.Zero);
        Note("all nodes remove tombstones");
        await _cluster.BuryAsync();
    }

    // One of two copies may be lost. The other must fill it again before the next one may be lost.
    private async Task WipeAsync(NodeId node)
    {
        if (!_mayWipe)
        {
            await HealAsync();
            _mayWipe = _seed % 3 != 0;
            return;
        }

        Note($"{node} loses its disk");
        _mayWipe = false;
        await _cluster.Members[node].WipeAsync();
    }

    private async Task PassAsync(TimeSpan time)
    {
        if (_sinceArrival + time > LateMax)
        {
            await ArriveAsync();
        }

        _sinceArrival += time;
        _time.Pass(time);
    }

    private async Task ArriveAsync()
    {
        await _network.ArriveAsync(_chance);
        _sinceArrival = TimeSpan.Zero;
    }

    private async Task HealAsync()
    {
        Note("all faults are removed");
        _trouble = 0;
        _cluster.Heal();
        await ArriveAsync();
        for (var round = 0; round < Nodes; round++)
        {
            await _cluster.HandOverAsync();
            await _cluster.CompareAsync();
        }
    }

    private async Task SettledAsync()
    {
        while (_cluster.Members.Values.Any(static member => member.Puts.UnderWay + member.Gets.UnderWay > 0))
        {
            await Task.Yield();
        }
    }

    private void Check(string when)
    {
        for (var key = 0; key < Keys; key++)
        {
            var copies = _cluster.Copies(KeyOf(key));
            Demand(copies.Distinct().Count() == 1, $"{when}, the copies of k{key} differ: {string.Join("; ", copies.Select(static copy => copy.ToString()))}");
            var primaries = _cluster.Lists.ListOf(KeyOf(key).Token, 3).Primaries.ToArray();
            var strays = _cluster.Nodes.Except(primaries).Where(node => !_cluster.Members[node].Replica.Read(KeyOf(key)).IsEmpty);
            Demand(!strays.Any(), $"{when}, {string.Join(", ", strays)} still keeps k{key}");
            CheckKey(key, copies[0].Texts().ToHashSet(), when);
        }
    }

    private void CheckKey(int key, HashSet<string> present, string when)
    {
        var operations = _operations.Where(operation => operation.Key == key).ToArray();
        Demand(present.IsSubsetOf(operations.Select(static operation => operation.Value)), $"{when}, k{key} holds a value that was never written");
        foreach (var done in operations.Where(static operation => operation.IsAcknowledged))
        {
            var replaced = operations.Any(other => other.Saw.Contains(done.Value));
            Demand(done.IsDelete || present.Contains(done.Value) || replaced, $"{when}, {done.Value} of k{key} was acknowledged, was not replaced, and is missing");
            Demand(!done.Saw.Any(present.Contains), $"{when}, {done.Value} of k{key} replaced {string.Join(' ', done.Saw)}, and one of these values has returned");
        }
    }

    // With R + W > N and primaries only, a read returns each acknowledged value, or a value whose writer had read it.
    private void CheckOverlap(int key, NodeId node, GetAnswer answer)
    {
        if (!answer.Overlaps)
        {
            return;
        }

        var (operations, read) = (_operations.Where(operation => operation.Key == key).ToArray(), answer.State.Texts());
        foreach (var done in operations.Where(static operation => operation.Overlaps))
        {
            var replaced = operations.Any(other => other.Saw.Contains(done.Value));
            Demand(done.IsDelete || read.Contains(done.Value) || replaced, $"{node} reads {string.Join(' ', read)} of k{key}, and {done.Value} was acknowledged before");
            Demand(!done.Saw.Any(read.Contains), $"{node} reads {string.Join(' ', read)} of k{key}, and {done.Value} had replaced {string.Join(' ', done.Saw)}");
        }
    }

    private void Demand(bool condition, string otherwise)
    {
        if (!condition)
        {
            Fault ??= $"seed {_seed}, step {_step}: {otherwise}\n{string.Join('\n', Events)}";
        }
    }

    // As the node's forwarder: a reachable primary that coordinates, or else the node that received the request.
    private SmallCluster.Member CoordinatorOf(int key, NodeId asked)
    {
        var primaries = _cluster.Members[asked].View.Lists.ListOf(KeyOf(key).Token, 3).Primaries.ToArray();
        return _cluster.Members[primaries.Contains(asked) ? asked : primaries.FirstOrDefault(MayCoordinate, asked)];

        bool MayCoordinate(NodeId primary) =>
            !_network.IsCut(asked, primary) && !_cluster.Gone.Contains(primary) && !_cluster.Members[primary].IsLeaving;
    }

    private Fate FateOf(NodeId from, NodeId to)
    {
        int count;
        lock (_messages)
        {
            count = _messages[(_step, from, to)] = _messages.GetValueOrDefault((_step, from, to)) + 1;
        }

        // Seeded by step, link and number, so that messages sent in parallel do not change each other's fate.
        var chance = new Random(((((_seed * 1009) + _step) * 31) + (from.Value[1] * 7) + to.Value[1]) * 17 + count);
        return chance.NextDouble() >= _trouble ? Fate.Delivered : (Fate)chance.Next(1, 5);
    }

    private void Note(string what) => Events.Add($"{_step}: {what}");

    private static EventualKey KeyOf(int key) => Some.Key($"key{key}");

    private readonly record struct Reading(VersionVector Seen, string[] Values);

    private sealed record Operation(int Key, string Value, HashSet<string> Saw, bool IsDelete)
    {
        public bool IsAcknowledged { get; set; }

        /// <summary>The acknowledgement promised that reads with an overlapping quorum return it.</summary>
        public bool Overlaps { get; set; }
    }
}
