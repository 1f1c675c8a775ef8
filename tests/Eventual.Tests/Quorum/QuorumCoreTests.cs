using CsCheck;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Quorum;
using KvRaft.Eventual.Tests.Causality;
using KvRaft.Topology;

namespace KvRaft.Eventual.Tests.Quorum;

public class QuorumCoreTests
{
    /// <summary>The number of nodes of a ring, a quorum on it, and for each node whether it answers; the priorities give the order of answers.</summary>
    private static readonly Gen<(int Nodes, QuorumSpec Spec, bool[] Up, int[] Order)> Cases = Gen.Int[1, 7].SelectMany(static n =>
        Gen.Select(Gen.Int[1, n], Gen.Int[1, n], Gen.Int[n, 8], Gen.Bool, Gen.Bool.Array[8], Gen.Int.Array[200])
            .Select(static (r, w, nodes, sloppy, up, order) => (nodes, r, w, sloppy, up, order))
            .Select(drawn => (drawn.nodes, new QuorumSpec(n, drawn.r, drawn.w, drawn.sloppy), drawn.up, drawn.order)));

    [Fact]
    public void A_write_is_acknowledged_exactly_if_enough_nodes_that_may_take_it_answer() => Cases.Sample(
        static drawn =>
        {
            var (list, up) = Ring(drawn.Nodes, drawn.Spec.N, drawn.Up);
            var core = PutCore.Start(drawn.Spec, list);
            var asked = core.Replicas.Slots.Select(static slot => slot.Node).ToList();
            for (var turn = 0; !core.IsOver; turn++)
            {
                var waiting = core.Replicas.Slots.Where(static slot => slot.State == SlotState.Waiting).ToArray();
                var node = waiting[(uint)drawn.Order[turn] % waiting.Length].Node;
                (core, var next) = up(node) ? (core.Safe(node, counts: true), null) : core.Fail(node);
                if (next is { } fallback)
                {
                    asked.Add(fallback.Node);
                }

                Assert.Equal(core.Replicas.Slots.Count(slot => slot.State == SlotState.Answered) >= drawn.Spec.W, core.Verdict == Verdict.Reached);
            }

            var candidates = drawn.Spec.Sloppy ? list.Nodes.AsSpan() : list.Primaries;
            var ups = candidates.ToArray().Count(up);
            Assert.Equal(Math.Min(ups, drawn.Spec.N) >= drawn.Spec.W ? Verdict.Reached : Verdict.OutOfReach, core.Verdict);
            Assert.Equal(asked.Distinct(), asked);

            // Every primary has the write, or a fallback or the coordinator stores a hint for it.
            Assert.All(list.Primaries.ToArray(), primary => Assert.True(
                up(primary) || core.Owed.Contains(primary)
                || core.Replicas.Slots.Any(slot => slot.StandsFor == primary && slot is { IsFallback: true, State: SlotState.Answered })));
        },
        iter: 10_000);

    // A request to another node beside a slow one never costs a quorum, and no node receives it twice.
    [Fact]
    public void A_slow_node_and_its_substitute_both_count() => Cases.Sample(
        static drawn =>
        {
            var (list, up) = Ring(drawn.Nodes, drawn.Spec.N, drawn.Up);
            var core = PutCore.Start(drawn.Spec, list);
            var asked = core.Replicas.Slots.Select(static slot => slot.Node).ToList();
            for (var turn = 0; !core.IsOver; turn++)
            {
                if (drawn.Order[turn] % 3 == 0)
                {
                    (core, var beside) = core.Hedge();
                    asked.AddRange(beside.Select(static slot => slot.Node));
                    Assert.Empty(core.Hedge().Next);
                }

                var node = Pick(core.Replicas, drawn.Order[turn]);
                (core, var next) = up(node) ? (core.Safe(node, counts: true), null) : core.Fail(node);
                asked.AddRange(next is { } fallback ? [fallback.Node] : []);
            }

            var ups = (drawn.Spec.Sloppy ? list.Nodes.AsSpan() : list.Primaries).ToArray().Count(up);
            Assert.Equal(Math.Min(ups, drawn.Spec.N) >= drawn.Spec.W ? Verdict.Reached : Verdict.OutOfReach, core.Verdict);
            Assert.Equal(asked.Distinct(), asked);
            Assert.All(list.Primaries.ToArray(), primary => Assert.True(
                up(primary) || core.Owed.Contains(primary)
                || core.Replicas.Slots.Any(slot => slot.StandsFor == primary && slot is { IsFallback: true, State: SlotState.Answered })));
        },
        iter: 10_000);

    [Fact]
    public void A_read_returns_the_merge_of_all_answers_and_the_replicas_that_are_behind() => Gen.Select(Cases, Histories.States).Sample(
        static (drawn, states) =>
        {
            var (list, up) = Ring(drawn.Nodes, drawn.Spec.N, drawn.Up);
            var core = GetCore.Start(drawn.Spec, list);
            var answered = new List<SiblingSet>();
            for (var turn = 0; !core.IsOver; turn++)
            {
                var waiting = core.Replicas.Slots.Where(static slot => slot.State == SlotState.Waiting).ToArray();
                var node = waiting[(uint)drawn.Order[turn] % waiting.Length].Node;
                if (up(node))
                {
                    answered.Add(states[turn % states.Length]);
                    core = core.Answer(node, answered[^1], counts: true);
                }
                else
                {
                    (core, _) = core.Fail(node);
                }
            }

            Assert.Equal(answered.Aggregate(SiblingSet.Empty, static (a, b) => a.Merge(b)), core.Merged);
            Assert.Equal(answered.Count >= drawn.Spec.R ? Verdict.Reached : Verdict.OutOfReach, core.Verdict);
            Assert.All(core.Answers, pair => Assert.Equal(
                !pair.Value.Equals(core.Merged) && list.Primaries.Contains(pair.Key), core.Behind.Contains(pair.Key)));
        },
        iter: 3_000);

    // Any R and any W of N primaries have one in common if R + W is above N: the reason for these numbers.
    [Fact]
    public void A_write_with_an_overlapping_quorum_is_read_after_its_acknowledgement() => Cases.Sample(static drawn =>
    {
        var (list, up) = Ring(drawn.Nodes, drawn.Spec.N, drawn.Up);
        var (put, get) = (PutCore.Start(drawn.Spec, list), GetCore.Start(drawn.Spec, list));
        var written = SiblingSet.Empty.Write(VersionVector.Empty, Some.Value(1, 1, "a"));
        var turn = 0;
        for (; put.Verdict == Verdict.Open; turn++)
        {
            var node = Pick(put.Replicas, drawn.Order[turn]);
            put = up(node) ? put.Safe(node, counts: true) : put.Fail(node).Core;
        }

        for (; get.Verdict == Verdict.Open; turn++)
        {
            var node = Pick(get.Replicas, drawn.Order[turn]);
            var has = put.Replicas.Slots.Any(slot => slot.Node == node && slot.State == SlotState.Answered);
            get = up(node) ? get.Answer(node, has ? written : SiblingSet.Empty, counts: true) : get.Fail(node).Core;
        }

        if (put is { Verdict: Verdict.Reached, Overlaps: true } && get is { Verdict: Verdict.Reached, Overlaps: true })
        {
            Assert.Equal(written, get.Merged);
        }
    });

    [Fact]
    public void A_replica_with_incomplete_data_answers_but_does_not_count()
    {
        var (list, _) = Ring(3, 3, []);
        var core = GetCore.Start(new QuorumSpec(3, 2, 2, Sloppy: true), list);
        core = core.Answer(list.Primaries[0], SiblingSet.Empty, counts: true).Answer(list.Primaries[1], SiblingSet.Empty, counts: false);
        Assert.Equal((Verdict.Reached, false), (core.Verdict, core.Overlaps));

        Assert.True(core.Answer(list.Primaries[2], SiblingSet.Empty, counts: true).Overlaps);
    }

    [Theory]
    [InlineData(3, 0, 1, "r")]
    [InlineData(3, 4, 1, "r")]
    [InlineData(3, 1, 0, "w")]
    [InlineData(3, 1, 4, "w")]
    [InlineData(0, 1, 1, "n")]
    [InlineData(QuorumSpec.NMax + 1, 1, 1, "n")]
    [InlineData(3, 2, 2, null)]
    public void Impossible_quorums_are_named(int n, int r, int w, string? field) =>
        Assert.Equal(field, new QuorumSpec(n, r, w, Sloppy: true).Mistake()?.Field);

    private static NodeId Pick(ReplicaSlots replicas, int order)
    {
        var waiting = replicas.Slots.Where(static slot => slot.State == SlotState.Waiting).ToArray();
        return waiting[(uint)order % waiting.Length].Node;
    }

    private static (PreferenceList List, Func<NodeId, bool> Up) Ring(int nodes, int n, bool[] up)
    {
        var list = PreferenceList.Of(HashRing.Of(Enumerable.Range(0, nodes).Select(i => new RingNode(new NodeId($"n{i}"), 0.01))), default, n);
        return (list, node => up[int.Parse(node.Value.AsSpan(1), System.Globalization.CultureInfo.InvariantCulture)]);
    }
}
