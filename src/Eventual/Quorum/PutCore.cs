using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Eventual.Quorum;

/// <summary>
/// Decides one write from its answers: which replicas receive it, when it is acknowledged, which replicas missed it. An answer counts only if
/// the write is durable at the replica, as the keyspace requires. Immutable.
/// </summary>
internal sealed record PutCore
{
    private readonly QuorumSpec _spec;

    private PutCore(QuorumSpec spec, ReplicaSlots replicas) => (_spec, Replicas) = (spec, replicas);

    public ReplicaSlots Replicas { get; private init; }

    public Verdict Verdict => Replicas.AnsweredCount >= _spec.W ? Verdict.Reached
        : Replicas.AnsweredCount + Replicas.WaitingCount < _spec.W ? Verdict.OutOfReach
        : Verdict.Open;

    /// <summary>No further replica can answer.</summary>
    public bool IsOver => Replicas.WaitingCount == 0;

    /// <summary>R + W is above N, and W primaries whose answers count have answered, so a read is certain to see this write.</summary>
    public bool Overlaps => _spec.Overlaps && CountingCount >= _spec.W;

    /// <summary>Primaries that have the write, and hold the key under the tenure of the writer.</summary>
    private int CountingCount { get; init; }

    /// <summary>Primaries that missed the write and have no fallback with a hint for them: the coordinator stores a hint.</summary>
    public IEnumerable<NodeId> Owed => Replicas.FailedPrimaries.Where(primary =>
        !Replicas.Slots.Any(slot => slot.StandsFor == primary && slot is { IsFallback: true, State: SlotState.Answered or SlotState.Waiting }));

    public static PutCore Start(QuorumSpec spec, PreferenceList list) => new(spec, ReplicaSlots.Start(list, spec.Sloppy));

    /// <param name="counts">The answer of the replica counts; see <see cref="KvRaft.Eventual.Replicas.TenureBook"/>.</param>
    public PutCore Safe(NodeId node, bool counts)
    {
        var replicas = Replicas.Answer(node);
        var isMore = counts && !ReferenceEquals(replicas, Replicas) && replicas.Slots.Any(slot => slot.Node == node && !slot.IsFallback);
        return this with { Replicas = replicas, CountingCount = CountingCount + (isMore ? 1 : 0) };
    }

    /// <returns>The core, and the replica to send the write to instead, with the primary of its hint; null if there is none.</returns>
    public (PutCore Core, ReplicaSlot? Next) Fail(NodeId node)
    {
        var (replicas, next) = Replicas.Fail(node);
        return (this with { Replicas = replicas }, next);
    }

    /// <returns>The core, and the replicas to send the write to beside the slow ones.</returns>
    public (PutCore Core, ImmutableArray<ReplicaSlot> Next) Hedge()
    {
        var (replicas, next) = Replicas.Hedge();
        return (this with { Replicas = replicas }, next);
    }
}
