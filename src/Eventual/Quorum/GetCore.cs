using System.Collections.Immutable;
using KvRaft.Eventual.Causality;
using KvRaft.Topology;

namespace KvRaft.Eventual.Quorum;

/// <summary>
/// Decides about one read, fed answer by answer: whom to ask, when there are enough answers, what they say together, and whose copy
/// is behind. A replica without the key answers too: with nothing. Immutable.
/// </summary>
internal sealed record GetCore
{
    private readonly QuorumSpec _spec;

    private GetCore(QuorumSpec spec, ReplicaSlots replicas, SiblingSet merged, ImmutableDictionary<NodeId, SiblingSet> answers)
    {
        _spec = spec;
        Replicas = replicas;
        Merged = merged;
        Answers = answers;
    }

    public ReplicaSlots Replicas { get; private init; }

    /// <summary>What all answers so far know together.</summary>
    public SiblingSet Merged { get; private init; }

    public ImmutableDictionary<NodeId, SiblingSet> Answers { get; private init; }

    public Verdict Verdict => Replicas.AnsweredCount >= _spec.R ? Verdict.Reached
        : Replicas.AnsweredCount + Replicas.WaitingCount < _spec.R ? Verdict.OutOfReach
        : Verdict.Open;

    public bool IsOver => Replicas.WaitingCount == 0;

    /// <summary>R primaries answered whose word counts, and any W have one of them in common.</summary>
    public bool Overlaps => _spec.Overlaps && CountingCount >= _spec.R;

    /// <summary>Primaries that answered, and keep the key under the tenure of whoever reads.</summary>
    private int CountingCount { get; init; }

    /// <summary>The primaries that answered less than all answers together say: each is to be sent <see cref="Merged"/>.</summary>
    public IEnumerable<NodeId> Behind => Replicas.Slots
        .Where(static slot => slot is { State: SlotState.Answered, IsFallback: false })
        .Select(static slot => slot.Node)
        .Where(node => !Answers[node].Equals(Merged));

    public static GetCore Start(QuorumSpec spec, PreferenceList list) =>
        new(spec, ReplicaSlots.Start(list, spec.Sloppy), SiblingSet.Empty, ImmutableDictionary<NodeId, SiblingSet>.Empty);

    /// <param name="counts">The replica's word counts; see <see cref="KvRaft.Eventual.Replicas.TenureBook"/>.</param>
    public GetCore Answer(NodeId node, SiblingSet state, bool counts)
    {
        var replicas = Replicas.Answer(node);
        if (ReferenceEquals(replicas, Replicas))
        {
            return this;
        }

        var isMore = counts && replicas.Slots.Any(slot => slot.Node == node && !slot.IsFallback);
        return this with
        {
            Replicas = replicas,
            Merged = Merged.Merge(state),
            Answers = Answers.SetItem(node, state),
            CountingCount = CountingCount + (isMore ? 1 : 0),
        };
    }

    /// <returns>The core, and who is to be asked instead; null if nobody.</returns>
    public (GetCore Core, ReplicaSlot? Next) Fail(NodeId node)
    {
        var (replicas, next) = Replicas.Fail(node);
        return (this with { Replicas = replicas }, next);
    }

    /// <returns>The core, and who is to be asked beside those that take long.</returns>
    public (GetCore Core, ImmutableArray<ReplicaSlot> Next) Hedge()
    {
        var (replicas, next) = Replicas.Hedge();
        return (this with { Replicas = replicas }, next);
    }
}
