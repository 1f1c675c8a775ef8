using KvRaft.Node.Administration;
using KvRaft.Node.Control;
using KvRaft.Placement.Codecs;
using KvRaft.Placement.Machine;
using KvRaft.Placement.Planning;
using KvRaft.Placement.State;
using KvRaft.Storage;
using KvRaft.Topology;
using KvRaft.V1;

namespace KvRaft.Node.Tests.Administration;

/// <summary>The reported state and note of a move that waits, copies, or makes no progress.</summary>
public sealed class OperatorWireTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("kvraft-wire-").FullName;

    [Fact]
    public void A_waiting_operator_has_its_cause_and_a_running_one_the_report_of_its_leader()
    {
        var (from, to) = (new NodeId("n1"), new NodeId("n4"));
        var waiting = StateOf(Plan(from, to));
        var one = waiting.Operations.Operators[0];
        Assert.Equal(("waiting", "it starts now"), Said(PlacementWire.ToWire(one, Sight(waiting), TimeSpan.Zero)));
        var held = StateOf(Plan(from, to), new HoldOperator(0, Hold: true));
        Assert.Equal(("waiting", "operators are paused"), Said(PlacementWire.ToWire(held.Operations.Operators[0], Sight(held), TimeSpan.Zero)));

        var running = StateOf(Plan(from, to), new StartMove(new ShardId(0), from, to));
        var leader = new GroupStatus { Shard = 0, Incarnation = 1, Role = ReplicaRole.Leader, Move = "n4/2 lacks 700 entries", Voters = { "n1", "n2", "n3" } };
        Assert.Equal(("running", "n4/2 lacks 700 entries"), Said(PlacementWire.ToWire(one, Sight(running, ("n2", leader)), TimeSpan.FromSeconds(59))));
        Assert.Equal(
            ("running", "no progress for 75 s: n4/2 lacks 700 entries"), Said(PlacementWire.ToWire(one, Sight(running, ("n2", leader)), TimeSpan.FromSeconds(75))));
        Assert.Equal(("running", "shard 0 has no leader"), Said(PlacementWire.ToWire(one, Sight(running), TimeSpan.Zero)));

        var copying = new GroupStatus { Shard = 0, Incarnation = 2, Role = ReplicaRole.Learner, CopiedBytes = 600_000_000, CopyBytes = 2_000_000_000 };
        Assert.Equal(
            ("running", "n4 has copied 600 of 2000 MB"), Said(PlacementWire.ToWire(one, Sight(running, ("n2", leader), ("n4", copying)), TimeSpan.Zero)));

        var away = Sight(running, ("n2", leader)) with { Facts = new ClusterFacts { Away = [to] } };
        Assert.Equal(("running", "n4 does not answer"), Said(PlacementWire.ToWire(one, away, TimeSpan.Zero)));
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static (string, string) Said(OperatorInfo info) => (info.State, info.Note);

    private static PlacementSight Sight(PlacementState state, params (string Node, GroupStatus Group)[] groups) => new(
        state,
        groups.ToDictionary(static pair => new NodeId(pair.Node), static pair => new NodeReport(NodeHealthState.Up, TimeSpan.Zero, new StatusResponse { Groups = { pair.Group } })),
        ClusterFacts.None);

    private static CommitPlan Plan(NodeId from, NodeId to) => new() { Base = new Epoch(1), Changes = [], Moves = [new PlannedMove(new ShardId(0), from, to)], Cause = "test" };

    private PlacementState StateOf(params PlacementCommand[] commands)
    {
        var nodes = Enumerable.Range(1, 4).Select(static number => new NodeDescriptor { Id = new NodeId($"n{number}"), RaftAddress = $"h{number}:1", PublicAddress = $"h{number}:2" }).ToArray();
        var init = new InitCluster
        {
            ClusterId = new Guid(1, 0, 0, new byte[8]),
            Nodes = [.. nodes],
            ReplicationFactor = 3,
            HashSeed = KeyHash.Seed,
            ContextSecret = [.. new byte[ContextKey.SecretBytes]],
            Shards = [[nodes[0].Id, nodes[1].Id, nodes[2].Id]],
        };
        using var machine = PlacementStateMachine.Open(Path.Combine(_directory, Guid.NewGuid().ToString("N")));
        var entry = new CommittedEntry(
            new LogPosition(1, 1), 0, [.. commands.Prepend(init).Select(static command => (ReadOnlyMemory<byte>)PlacementCommandCodec.Encode(command))]);
        Assert.All(machine.Apply([entry])[0], static outcome => Assert.IsNotType<PlacementRefused>(outcome));
        return machine.State;
    }
}
