using System.Collections.Immutable;
using KvRaft.Eventual.Causality;
using KvRaft.Topology;

namespace KvRaft.Eventual.Quorum;

/// <summary>
/// Decides one read from its answers: which replicas to read, when there are enough answers, what the merged state is, and which copies
/// are behind. A replica without the key answers with an empty state. Immutable.
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

    /// <summary>The merged state of all answers so far.</summary>
    public SiblingSet Merged { get; private init; }

    public ImmutableDictionary<NodeId, SiblingSet> Answers { get; private init; }

    public Verdict Verdict => Replicas.AnsweredCount >= _spec.R ? Verdict.Reached
        : Replicas.AnsweredCount + Replicas.WaitingCount < _spec.R ? Verdict.OutOfReach
        : Verdict.Open;

    public bool IsOver => Replicas.WaitingCount == 0;

    /// <summary>R primaries whose answers count have answered, and any W primaries include one of them.</summary>
    public bool Overlaps => _spec.Overlaps && CountingCount >= _spec.R;

    /// <summary>Primaries that answered, and hold the key under the tenure of the reader.</summary>
    private int CountingCount { get; init; }

    /// <summary>The primaries whose answer includes less than the merged state: each is sent <see cref="Merged"/>.</summary>
    public IEnumerable<NodeId> Behind => Replicas.Slots
        .Where(static slot => slot is { State: SlotState.Answered, IsFallback: false })
        .Select(static slot => slot.Node)
        .Where(node => !Answers[node].Equals(Merged));

    public static GetCore Start(QuorumSpec spec, PreferenceList list) =>
        new(spec, ReplicaSlots.Start(list, spec.Sloppy), SiblingSet.Empty, ImmutableDictionary<NodeId, SiblingSet>.Empty);

    /// <param name="counts">The answer of the replica counts; see <see cref="KvRaft.Eventual.Replicas.TenureBook"/>.</param>
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

    /// <returns>The core, and the replica to read instead; null if there is none.</returns>
    public (GetCore Core, ReplicaSlot? Next) Fail(NodeId node)
    {
        var (replicas, next) = Replicas.Fail(node);
        return (this with { Replicas = replicas }, next);
    }

    /// <returns>The core, and the replicas to read beside the slow ones.</returns>
    public (GetCore Core, ImmutableArray<ReplicaSlot> Next) Hedge()
    {
        var (replicas, next) = Replicas.Hedge();
        return (this with { Replicas = replicas }, next);
    }
}
