using System.Collections.Immutable;
using KvRaft.Placement.Planning;
using KvRaft.Placement.Rules;
using KvRaft.Placement.State;
using KvRaft.Topology;

namespace KvRaft.Placement.Tests.Planning;

/// <summary>
/// A cluster without machines: the state and the rules of group 0 and the decisions of the driver are the real ones. Nodes are names that answer or
/// do not, and the voters of a shard are a set that changes by one at a time. Each <see cref="Tick"/> is one second. The seed determines everything.
/// </summary>
internal sealed class World
{
    private static readonly HealthLimits Health = new() { DeadAfter = TimeSpan.FromSeconds(60) };

    private readonly Random _random;
    private readonly Dictionary<NodeId, int> _heardAt = [];
    private readonly Dictionary<ShardId, (NodeId Leader, int Since)> _leaders = [];
    private readonly Dictionary<ShardId, double> _asked = [];
    private int _now;
    private int _calmSince;
    private int _next;

    public World(int seed, int nodes, int shardCount, int replicationFactor, int zones = 0)
    {
        _random = new Random(seed);
        Zones = zones;
        var founders = Enumerable.Range(0, nodes).Select(_ => Descriptor() with { Standing = NodeStanding.Active }).ToArray();
        State = PlacementRules.Apply(
            PlacementState.Empty, InitCluster.For(SomeCommands.ClusterId, founders, shardCount, replicationFactor, SomeCommands.Secret)).State;
        Alive.UnionWith(founders.Select(static node => node.Id));
        foreach (var shard in State.Map!.Shards)
        {
            Voters[shard.Id] = [.. shard.Replicas];

            // A few shards have most of the load, the others a decreasing power of a random rank.
            _asked[shard.Id] = 5_000 / Math.Pow(1 + _random.Next(shardCount), 1.5);
        }
    }

    public PlacementState State { get; private set; }

    public HashSet<NodeId> Alive { get; } = [];

    public Dictionary<ShardId, HashSet<Replica>> Voters { get; } = [];

    public int Moves { get; private set; }

    public int Transfers { get; private set; }

    private int Zones { get; }

    /// <summary>
    /// The shards with leaders, with the load that the leaders report: it varies by a tenth, and a leader of less than ten seconds has counted only a
    /// part.
    /// </summary>
    public LedShard[] Led(Func<NodeId, bool> isFit) =>
    [
        .. State.Map!.Shards.Where(shard => _leaders.ContainsKey(shard.Id)).Select(shard => new LedShard(
            shard.Id, _leaders[shard.Id].Leader, [.. shard.Replicas.Select(static replica => replica.Node).Where(isFit)])
        {
            Load = _asked[shard.Id] * (0.95 + (0.1 * _random.NextDouble())) * Math.Min(1, (_now - _leaders[shard.Id].Since) / 10.0),
        }),
    ];

    public int Leads(NodeId node) => _leaders.Values.Count(leader => leader.Leader == node);

    public NodeId Join()
    {
        var node = Descriptor();
        Demand(new JoinNode(node));
        Alive.Add(node.Id);
        return node.Id;
    }

    /// <summary>Commits a requested plan; false: it was refused, which is allowed.</summary>
    public bool Commit(params TopologyChange[] changes) =>
        Planner.Make(State, [.. changes], Facts()).Plan is { } plan && Try(plan.ToCommand("by hand", _now, takesStaged: false));

    public bool Drain(NodeId node, bool drain) => Try(new DrainNode(node, drain));

    public Plan? PlanFor(params TopologyChange[] changes) => Planner.Make(State, [.. changes], Facts()).Plan;

    /// <summary>A random event of a data centre.</summary>
    public void Chance()
    {
        var nodes = State.Nodes.Select(static node => node.Id).ToArray();
        var node = nodes[_random.Next(nodes.Length)];
        switch (_random.Next(12))
        {
            case 0 when nodes.Length < 14:
                var newcomer = Join();
                Commit(new TopologyChange(TopologyChangeKind.Add, newcomer));
                break;
            case 1 when Alive.Count > State.Map!.ReplicationFactor + 1:
                Commit(new TopologyChange(TopologyChangeKind.Decommission, node));
                break;
            case 2:
                Commit(new TopologyChange(TopologyChangeKind.Weight, node, Weight: 0.5 + _random.NextDouble()));
                break;
            case 3 or 4 or 5 when nodes.Length - Alive.Count < 1:
                Alive.Remove(node);
                break;
            case 6 or 7 or 8:
                Alive.UnionWith(nodes);
                break;
            case 9:
                Drain(node, _random.Next(2) == 0);
                break;
            case 10 when State.Operations.Operators is [var one, ..] && _random.Next(3) == 0:
                Try(new EndOperator(one.Number, "chance", _now));
                break;
            default:
                if (State.Nodes.FirstOrDefault(static each => each.Standing == NodeStanding.Joined) is { } waiting)
                {
                    Commit(new TopologyChange(TopologyChangeKind.Add, waiting.Id));
                }

                break;
        }
    }

    public void Tick()
    {
        _now++;
        foreach (var node in State.Nodes.Where(node => Alive.Contains(node.Id)))
        {
            _heardAt[node.Id] = _now;
        }

        Drive();
        foreach (var move in State.Moves)
        {
            Step(move);
        }

        foreach (var node in State.Nodes.Where(node => node.Standing == NodeStanding.Leaving))
        {
            if (!State.Map!.ShardsOn(node.Id).Any() && !State.Operations.Operators.Any(one => one.From == node.Id || one.To == node.Id))
            {
                Try(new RemoveNode(node.Id));
                Alive.Remove(node.Id);
            }
        }

        Elect();
        Balance();
        Check();
    }

    private NodeDescriptor Descriptor()
    {
        var number = ++_next;
        return new NodeDescriptor
        {
            Id = new NodeId($"n{number}"),
            Zone = Zones > 0 ? $"z{number % Zones}" : "",
            RaftAddress = $"h{number}:1",
            PublicAddress = $"h{number}:2",
            Standing = NodeStanding.Joined,
            Instance = new Guid(number, 0, 0, new byte[8]),
        };
    }

    private Dictionary<NodeId, NodeHealthState> HealthOf() => State.Nodes.ToDictionary(
        static node => node.Id, node => HealthOf(_now - _heardAt.GetValueOrDefault(node.Id)));

    // A node that answered every second is suspected after about three seconds of silence.
    private static NodeHealthState HealthOf(int silent) => NodeHealth.Of(TimeSpan.FromSeconds(silent), silent >= 3 ? 2 * Health.SuspicionMax : 0, Health);

    private ClusterFacts Facts() => new() { Away = [.. HealthOf().Where(static pair => pair.Value != NodeHealthState.Up).Select(static pair => pair.Key)] };

    private void Drive()
    {
        foreach (var one in State.Operations.Operators)
        {
            if (OperatorSchedule.WhyNever(one, State) is { } why)
            {
                Demand(new EndOperator(one.Number, why, _now));
            }
        }

        foreach (var one in OperatorSchedule.Ready(State, Facts().Away))
        {
            Demand(new StartMove(one.Shard, one.From, one.To, _now));
        }

        if (NodeHealth.Replacement(State, HealthOf(), Facts()) is { } plan)
        {
            Demand(plan.ToCommand("dead", _now, takesStaged: false));
        }
    }

    /// <summary>One step of a move by the shard's leader: nothing without a majority, and one change at a time.</summary>
    private void Step(ShardMove move)
    {
        var voters = Voters[move.Shard];
        if (!HasMajority(voters))
        {
            return;
        }

        var (hasFrom, hasTo) = (voters.Contains(move.From), voters.Contains(move.To));
        if (move.IsCancelling && hasFrom)
        {
            voters.Remove(move.To);
            Demand(new FinishMove(move.Shard, move.To, MoveEnd.Cancelled, _now));
        }
        else if (!hasTo && Alive.Contains(move.To.Node))
        {
            voters.Add(move.To);
        }
        else if (hasTo && hasFrom && Alive.Contains(move.To.Node))
        {
            var before = voters.Count(voter => Alive.Contains(voter.Node));
            voters.Remove(move.From);
            Assert.True(
                voters.Count(voter => Alive.Contains(voter.Node)) >= Math.Min(before, State.Map!.ReplicationFactor - 1),
                $"{move} left {voters.Count(voter => Alive.Contains(voter.Node))} replicas that answer");
        }
        else if (hasTo && !hasFrom)
        {
            Moves++;
            Demand(new FinishMove(move.Shard, move.To, MoveEnd.Moved, _now));
        }
    }

    private bool HasMajority(HashSet<Replica> voters) => voters.Count(voter => Alive.Contains(voter.Node)) > voters.Count / 2;

    private void Elect()
    {
        foreach (var (shard, voters) in Voters)
        {
            var isLed = _leaders.TryGetValue(shard, out var leader) && Alive.Contains(leader.Leader) && voters.Any(voter => voter.Node == leader.Leader);
            if (!HasMajority(voters))
            {
                _leaders.Remove(shard);
            }
            else if (!isLed)
            {
                var able = voters.Where(voter => Alive.Contains(voter.Node)).Select(static voter => voter.Node).Order().ToArray();
                _leaders[shard] = (able[_random.Next(able.Length)], _now);
            }
        }
    }

    private void Balance()
    {
        var away = Facts().Away;
        bool IsFit(NodeId node) => State.FindNode(node) is { Standing: NodeStanding.Active } && !away.Contains(node) && Alive.Contains(node);
        var shards = Led(IsFit);
        var resting = _leaders.Where(pair => _now - pair.Value.Since < 20).Select(static pair => pair.Key).ToHashSet();
        var isCalm = State.Moves.IsEmpty && shards.Length == State.Map!.ShardCount && away.IsEmpty;
        _calmSince = isCalm ? _calmSince : _now;
        var choice = LeadershipChoice.Of(
            shards, State.Nodes.ToDictionary(static node => node.Id, static node => node.Weight), resting, new LeadershipLeave(MayEvict: true, isCalm, isCalm && _now - _calmSince >= 12), 8);
        foreach (var transfer in choice.Transfers)
        {
            Transfers++;
            _leaders[transfer.Shard] = (transfer.To, _now);
        }
    }

    private void Check()
    {
        foreach (var (shard, voters) in Voters)
        {
            Assert.InRange(voters.Count, State.Map!.ReplicationFactor, State.Map.ReplicationFactor + 1);
            Assert.Equal(voters.Count, voters.Select(static voter => voter.Node).Distinct().Count());

            // Between the last change of the voters and its report to group 0, the map is one step behind.
            var wanted = State.Map[shard].Replicas.ToHashSet();
            var move = State.MoveOf(shard);
            Assert.True(
                voters.All(voter => wanted.Contains(voter) || move?.To == voter) && wanted.All(replica => voters.Contains(replica) || move?.From == replica),
                $"shard {shard}: voters {string.Join(", ", voters)}, map {string.Join(", ", wanted)}, {move}");
        }
    }

    private void Demand(PlacementCommand command)
    {
        var (next, outcome) = PlacementRules.Apply(State, command);
        Assert.False(outcome is PlacementRefused, $"{command}: {outcome}");
        State = next;
    }

    private bool Try(PlacementCommand command)
    {
        var (next, outcome) = PlacementRules.Apply(State, command);
        State = next;
        return outcome is not PlacementRefused;
    }
}
