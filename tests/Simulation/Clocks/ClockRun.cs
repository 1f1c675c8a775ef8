using System.Globalization;
using KvRaft.Raft.Clocks;
using KvRaft.Storage;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Shards;
using KvRaft.Topology;

namespace KvRaft.Simulation.Clocks;

/// <summary>Put into a run on purpose; each must be found.</summary>
public enum ClockBug
{
    None,

    /// <summary>The leader stamps by its wall clock, as it once did.</summary>
    StampsByWallClock,

    /// <summary>The leader turns a time-to-live into an instant by its wall clock, as it once did.</summary>
    ExpiresByWallClock,

    /// <summary>The time of the cluster takes over at once what a majority's wall clocks show.</summary>
    AdoptsJumps,

    /// <summary>A new leader goes on from what it applied, and what passed since is not counted.</summary>
    CountsNothingBetweenLeaders,
}

/// <summary>
/// A shard whose nodes have wall clocks that are set to and fro, led by one after the other, and clients that take a lock with put-if-absent and a time-to-live. The clock rules and
/// the state machine are the store's own; nodes, time and the log are played. True time is what the run counts.
/// </summary>
internal sealed class ClockRun : IDisposable
{
    private const double Epoch = 1_800_000_000_000;
    private const double Beat = 400;
    private static readonly Storage.Schema.KeyspaceId Space = new(1);

    private readonly Random _random;
    private readonly ClockBug _bug;
    private readonly bool _majorityJumps;
    private readonly SimulatedNode[] _nodes;
    private readonly string _directory = Directory.CreateTempSubdirectory("kvraft-clocks-").FullName;
    private readonly ShardStateMachine _shard;
    private double _now;
    private int _leader;
    private long _term = 1;
    private long _index;

    /// <param name="seed">Of everything.</param>
    /// <param name="nodes">How many.</param>
    /// <param name="majorityJumps">All wall clocks are set together now and then; else those of a minority.</param>
    /// <param name="bug">Put in on purpose.</param>
    public ClockRun(int seed, int nodes, bool majorityJumps, ClockBug bug)
    {
        (_random, _majorityJumps, _bug) = (new Random(seed), majorityJumps, bug);
        _nodes = [.. Enumerable.Range(0, nodes).Select(i => new SimulatedNode(new NodeId($"n{i + 1}"), -_random.Next(1_000_000)))];
        _shard = ShardStateMachine.Open(Path.Combine(_directory, "shard"), new InMemoryEngines(), ShardSettings.Default);
    }

    /// <summary>What was wrong; empty: nothing.</summary>
    public List<string> Faults { get; } = [];

    public int Grants { get; private set; }

    public void Run(int steps)
    {
        var locks = new Dictionary<string, (double At, double TtlMs)>();
        for (var step = 0; step < steps; step++)
        {
            Pass(_random.NextDouble() switch { < 0.7 => _random.Next(20, 2_000), < 0.97 => _random.Next(2_000, 20_000), _ => _random.Next(20_000, 200_000) });
            Disturb();
            var key = $"lock-{_random.Next(3)}";
            var ttl = key == "lock-2" ? 1_800_000 : _random.Next(1_000, 60_000);
            if (!Propose(key, ttl))
            {
                // The holder's time is over, and by more than clocks may bend it: the lock must be free.
                if (locks.TryGetValue(key, out var held) && _now - held.At > (held.TtlMs * (1 + (2 * ClockRules.SlewShare))) + Slack)
                {
                    Faults.Add(Told($"{key} of {held.TtlMs} ms is held after {_now - held.At} ms"));
                }

                continue;
            }

            Grants++;
            if (locks.TryGetValue(key, out var before) && _now - before.At < (before.TtlMs * (1 - (2 * ClockRules.SlewShare))) - Slack)
            {
                Faults.Add(Told($"{key} of {before.TtlMs} ms was granted again after {_now - before.At} ms"));
            }

            locks[key] = (_now, ttl);
        }
    }

    public void Dispose()
    {
        _shard.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>What readings of clocks, and answers under way, may be wrong by.</summary>
    private const double Slack = 700;

    private void Pass(double milliseconds)
    {
        for (var end = _now + milliseconds; _now < end;)
        {
            _now = Math.Min(end, _now + Beat);
            foreach (var node in _nodes)
            {
                Compare(node);
            }
        }
    }

    private void Compare(SimulatedNode node)
    {
        var (mono, readings) = (node.Monotonic(_now), new List<ClockReading>());
        foreach (var other in _nodes)
        {
            if (other == node)
            {
                readings.Add(new(node.Id, node.Wall(_now) - mono, null, 0));
            }
            else if (_random.NextDouble() < 0.95)
            {
                var error = _random.NextDouble() * 20;
                var wrong = error * ((2 * _random.NextDouble()) - 1);
                readings.Add(new(
                    other.Id, other.Wall(_now) + wrong - mono, other.Cluster.IsSettled ? other.Cluster.Ahead + other.Monotonic(_now) + wrong - mono : null, error));
            }
        }

        var verdict = ClockVerdict.Of(readings, _nodes.Length);
        node.Cluster = node.Cluster.Adjusted(mono, verdict, [.. readings.Where(static reading => reading.Cluster is not null).Select(static reading => reading.Cluster!.Value)], _nodes.Length);
        if (_bug == ClockBug.AdoptsJumps && verdict.IsAgreed)
        {
            node.Cluster = node.Cluster with { Ahead = verdict.Reference };
        }
    }

    private void Disturb()
    {
        var dice = _random.NextDouble();
        if (dice < 0.1)
        {
            var offset = _random.Next(4) switch { 0 => 0, 1 => _random.Next(-45_000, 45_000), 2 => -10_000, _ => _random.Next(-7_200_000, 7_200_000) };
            foreach (var node in _majorityJumps && _random.Next(2) == 0 ? _nodes : _nodes.Take((_nodes.Length - 1) / 2))
            {
                node.Offset = offset;
            }
        }
        else if (dice < 0.2)
        {
            // Whoever it is: a leader whose clock is wrong has not handed over yet.
            _leader = _random.Next(_nodes.Length);
            _term++;
        }
        else if (dice < 0.23)
        {
            var node = _nodes[_random.Next(_nodes.Length)];
            node.Restart(_now, _shard.Clock);
            if (node == _nodes[_leader])
            {
                _leader = (_leader + 1) % _nodes.Length;
                _term++;
            }
        }
    }

    /// <summary>True: the lock was granted.</summary>
    private bool Propose(string key, long ttlMs)
    {
        var leader = _nodes[_leader];
        var mono = leader.Monotonic(_now);
        if (leader.BegunTerm != _term)
        {
            leader.Shard = _bug == ClockBug.CountsNothingBetweenLeaders
                ? new ShardTime(_shard.Clock - mono, mono)
                : leader.Shard.Begun(leader.Cluster.IsSettled ? leader.Cluster.Ahead : null, mono);
            leader.BegunTerm = _term;
        }
        else
        {
            leader.Shard = leader.Shard.Led(
                _bug == ClockBug.CountsNothingBetweenLeaders || !leader.Cluster.IsSettled ? null : leader.Cluster.Ahead, mono);
        }

        var stamp = _bug == ClockBug.StampsByWallClock ? (long)leader.Wall(_now) : (long)(leader.Shard.Ahead + mono);
        var command = new PutCommand(Space, System.Text.Encoding.UTF8.GetBytes(key), "held"u8.ToArray())
        {
            Condition = Condition.Absent,
            Expiry = _bug == ClockBug.ExpiresByWallClock ? Expiry.At((long)leader.Wall(_now) + ttlMs) : Expiry.After(ttlMs),
        };
        var isStep = stamp - _shard.Clock > CommittedEntry.UndeclaredStepMsMax / 2;
        var outcome = (ShardOutcome)_shard.Apply([new CommittedEntry(new LogPosition(_term, ++_index), stamp, [CommandCodec.Encode(command)], isStep)])[0][0];
        foreach (var node in _nodes)
        {
            // A follower applies later.
            var at = node.Monotonic(_now + (node == leader ? 0 : _random.Next(100)));
            node.Shard = node.Shard.Applied(_shard.Clock, at);
        }

        return outcome.Status == ShardStatus.Applied;
    }

    private string Told(FormattableString what) => string.Create(CultureInfo.InvariantCulture, $"after {_now:0} ms, term {_term}, led by {_nodes[_leader].Id}: {FormattableString.Invariant(what)}");

    /// <summary>A process and the machine under it.</summary>
    private sealed class SimulatedNode(NodeId id, double startedAt)
    {
        private double _startedAt = startedAt;

        public NodeId Id => id;

        /// <summary>By how much the wall clock is wrong.</summary>
        public double Offset { get; set; }

        public ClusterTime Cluster { get; set; }

        public ShardTime Shard { get; set; }

        public long BegunTerm { get; set; }

        public double Monotonic(double now) => now - _startedAt;

        public double Wall(double now) => Epoch + now + Offset;

        /// <summary>It knows what is on its disk: what it applied, and not when.</summary>
        public void Restart(double now, long clock)
        {
            _startedAt = now;
            (Cluster, Shard, BegunTerm) = (default, default(ShardTime).Applied(clock, 0), 0);
        }
    }
}
