using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Eventual.Quorum;

/// <summary>
/// Decides about one write, fed answer by answer: whom to send it to, when it is acknowledged, who missed it. An answer counts only if
/// the replica says that the write is safe there, by the durability of its keyspace. Immutable.
/// </summary>
internal sealed record PutCore
{
    private readonly QuorumSpec _spec;

    private PutCore(QuorumSpec spec, ReplicaSlots replicas) => (_spec, Replicas) = (spec, replicas);

    public ReplicaSlots Replicas { get; private init; }

    public Verdict Verdict => Replicas.AnsweredCount >= _spec.W ? Verdict.Reached
        : Replicas.AnsweredCount + Replicas.WaitingCount < _spec.W ? Verdict.OutOfReach
        : Verdict.Open;

    /// <summary>Nobody may answer any more.</summary>
    public bool IsOver => Replicas.WaitingCount == 0;

    /// <summary>A read that meets this write for certain needs primaries that answered and whose word counts, and R + W above N.</summary>
    public bool Overlaps => _spec.Overlaps && CountingCount >= _spec.W;

    /// <summary>Primaries that have it, and keep the key under the tenure of whoever writes.</summary>
    private int CountingCount { get; init; }

    /// <summary>Primaries that missed the write and for which no fallback keeps it: somebody owes it to them.</summary>
    public IEnumerable<NodeId> Owed => Replicas.FailedPrimaries.Where(primary =>
        !Replicas.Slots.Any(slot => slot.StandsFor == primary && slot is { IsFallback: true, State: SlotState.Answered or SlotState.Waiting }));

    public static PutCore Start(QuorumSpec spec, PreferenceList list) => new(spec, ReplicaSlots.Start(list, spec.Sloppy));

    /// <param name="counts">The replica's word counts; see <see cref="KvRaft.Eventual.Replicas.TenureBook"/>.</param>
    public PutCore Safe(NodeId node, bool counts)
    {
        var replicas = Replicas.Answer(node);
        var isMore = counts && !ReferenceEquals(replicas, Replicas) && replicas.Slots.Any(slot => slot.Node == node && !slot.IsFallback);
        return this with { Replicas = replicas, CountingCount = CountingCount + (isMore ? 1 : 0) };
    }

    /// <returns>The core, and who is to be sent the write instead, with a hint for whom; null if nobody.</returns>
    public (PutCore Core, ReplicaSlot? Next) Fail(NodeId node)
    {
        var (replicas, next) = Replicas.Fail(node);
        return (this with { Replicas = replicas }, next);
    }

    /// <returns>The core, and who is to be asked beside those that take long.</returns>
    public (PutCore Core, ImmutableArray<ReplicaSlot> Next) Hedge()
    {
        var (replicas, next) = Replicas.Hedge();
        return (this with { Replicas = replicas }, next);
    }
}
