using System.Globalization;
using KvRaft.Raft.Clocks;
using KvRaft.Storage;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Shards;
using KvRaft.Topology;

namespace KvRaft.Simulation.Clocks;

/// <summary>Bugs that a run can plant; the simulation must find each.</summary>
public enum ClockBug
{
    None,

    /// <summary>The leader stamps by its wall clock, as in an earlier version.</summary>
    StampsByWallClock,

    /// <summary>The leader computes the expiry from its wall clock, as in an earlier version.</summary>
    ExpiresByWallClock,

    /// <summary>The cluster time adopts a jump of a majority's wall clocks at once.</summary>
    AdoptsJumps,

    /// <summary>A new leader continues from the last applied stamp and does not count the time that has passed since.</summary>
    CountsNothingBetweenLeaders,
}

/// <summary>
/// A shard whose nodes have wall clocks that jump, with frequent changes of the leader, and clients that take a lock with put-if-absent and a time-to-live. The clock rules and
/// the state machine are the store's own; nodes, time and the log are simulated. The run counts true time.
/// </summary>
internal sealed class ClockRun : IDisposable
{
    private const double Epoch = 1_800_000_000_000;
    private const double HeartbeatMs = 400;
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

    /// <param name="seed">The seed of all random decisions.</param>
    /// <param name="nodes">The number of nodes.</param>
    /// <param name="majorityJumps">True: some jumps set all wall clocks together. False: jumps set the clocks of a minority.</param>
    /// <param name="bug">The planted bug.</param>
    public ClockRun(int seed, int nodes, bool majorityJumps, ClockBug bug)
    {
        (_random, _majorityJumps, _bug) = (new Random(seed), majorityJumps, bug);
        _nodes = [.. Enumerable.Range(0, nodes).Select(i => new SimulatedNode(new NodeId($"n{i + 1}"), -_random.Next(1_000_000)))];
        _shard = ShardStateMachine.Open(Path.Combine(_directory, "shard"), new InMemoryEngines(), ShardSettings.Default);
    }

    /// <summary>The violations.</summary>
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
                // The lock has expired, by more than the permitted deviation of clocks: it must be free.
                if (locks.TryGetValue(key, out var held) && _now - held.At > (held.TtlMs * (1 + (2 * ClockRules.SlewShare))) + Slack)
                {
                    Faults.Add(Describe($"{key} of {held.TtlMs} ms is held after {_now - held.At} ms"));
                }

                continue;
            }

            Grants++;
            if (locks.TryGetValue(key, out var before) && _now - before.At < (before.TtlMs * (1 - (2 * ClockRules.SlewShare))) - Slack)
            {
                Faults.Add(Describe($"{key} of {before.TtlMs} ms was granted again after {_now - before.At} ms"));
            }

            locks[key] = (_now, ttl);
        }
    }

    public void Dispose()
    {
        _shard.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>The tolerance for the error of clock readings and for the delay of answers.</summary>
    private const double Slack = 700;

    private void Pass(double milliseconds)
    {
        for (var end = _now + milliseconds; _now < end;)
        {
            _now = Math.Min(end, _now + HeartbeatMs);
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
            // Any node may lead: a leader with a wrong clock may not have handed over yet.
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
            // Followers apply later.
            var at = node.Monotonic(_now + (node == leader ? 0 : _random.Next(100)));
            node.Shard = node.Shard.Applied(_shard.Clock, at);
        }

        return outcome.Status == ShardStatus.Applied;
    }

    private string Describe(FormattableString what) => string.Create(CultureInfo.InvariantCulture, $"after {_now:0} ms, term {_term}, led by {_nodes[_leader].Id}: {FormattableString.Invariant(what)}");

    /// <summary>A process and its machine.</summary>
    private sealed class SimulatedNode(NodeId id, double startedAt)
    {
        private double _startedAt = startedAt;

        public NodeId Id => id;

        /// <summary>The error of the wall clock.</summary>
        public double Offset { get; set; }

        public ClusterTime Cluster { get; set; }

        public ShardTime Shard { get; set; }

        public long BegunTerm { get; set; }

        public double Monotonic(double now) => now - _startedAt;

        public double Wall(double now) => Epoch + now + Offset;

        /// <summary>After a restart the node has its applied state, but not the times at which it applied it.</summary>
        public void Restart(double now, long clock)
        {
            _startedAt = now;
            (Cluster, Shard, BegunTerm) = (default, default(ShardTime).Applied(clock, 0), 0);
        }
    }
}
