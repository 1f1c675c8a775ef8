using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Eventual.Quorum;

internal enum SlotState
{
    /// <summary>The request was sent; there is no answer yet.</summary>
    Waiting,
    Answered,
    Failed,
}

/// <summary>One node that receives the request on behalf of one of the first N of a preference list.</summary>
/// <param name="Node">The node that receives the request.</param>
/// <param name="StandsFor">The primary; the node itself if it is one.</param>
internal readonly record struct ReplicaSlot(NodeId Node, NodeId StandsFor, SlotState State)
{
    public bool IsFallback => Node != StandsFor;
}

/// <summary>
/// The replicas of one request and the state of each: the part that reads and writes share. The request goes to all N primaries at once. If one fails and
/// the quorum is sloppy, the next unused node along the ring becomes its fallback; if the fallback fails, the next one follows. If a node is only slow, the
/// request can go to another node as well (<see cref="Hedge"/>), and both answers count. Immutable.
/// </summary>
internal sealed record ReplicaSlots
{
    private readonly PreferenceList _list;
    private readonly bool _sloppy;
    private readonly int _fallbacksUsed;

    private ReplicaSlots(PreferenceList list, bool sloppy, ImmutableArray<ReplicaSlot> slots, int fallbacksUsed)
    {
        _list = list;
        _sloppy = sloppy;
        Slots = slots;
        _fallbacksUsed = fallbacksUsed;
    }

    /// <summary>In the order in which the request was sent; a failed primary stays, and its fallback follows.</summary>
    public ImmutableArray<ReplicaSlot> Slots { get; }

    public int AnsweredCount => Slots.Count(static slot => slot.State == SlotState.Answered);

    public int WaitingCount => Slots.Count(static slot => slot.State == SlotState.Waiting);

    public int FallbackAnswerCount => Slots.Count(static slot => slot is { State: SlotState.Answered, IsFallback: true });

    /// <summary>Primaries that have not answered and no longer can.</summary>
    public IEnumerable<NodeId> FailedPrimaries => Slots.Where(static slot => slot is { State: SlotState.Failed, IsFallback: false }).Select(static slot => slot.Node);

    public static ReplicaSlots Start(PreferenceList list, bool sloppy) => new(
        list, sloppy, [.. list.Primaries.ToArray().Select(static node => new ReplicaSlot(node, node, SlotState.Waiting))], 0);

    /// <summary>A node answered. A second answer, or one from a node that already timed out, changes nothing.</summary>
    public ReplicaSlots Answer(NodeId node) => Mark(node, SlotState.Answered);

    /// <summary>A node did not answer, or could not execute the request.</summary>
    /// <returns>The slots, and the replica to use in its place; null if there is none.</returns>
    public (ReplicaSlots Slots, ReplicaSlot? Next) Fail(NodeId node)
    {
        var place = Waiting(node);
        if (place < 0)
        {
            return (this, null);
        }

        var failed = Mark(node, SlotState.Failed);
        var standsFor = Slots[place].StandsFor;
        return failed.HasSomebodyFor(standsFor) ? (failed, null) : failed.StandInFor(standsFor);
    }

    /// <summary>Some replicas are slow: each waiting slot gets a second node beside it, while there are unused nodes.</summary>
    /// <returns>The slots, and the further replicas to send the request to.</returns>
    public (ReplicaSlots Slots, ImmutableArray<ReplicaSlot> Next) Hedge()
    {
        var (hedged, asked) = (this, ImmutableArray.CreateBuilder<ReplicaSlot>());
        foreach (var slot in Slots.Where(slot => slot.State == SlotState.Waiting && Slots.Count(other => other.StandsFor == slot.StandsFor && other.State != SlotState.Failed) == 1))
        {
            (hedged, var next) = hedged.StandInFor(slot.StandsFor);
            if (next is { } fallback)
            {
                asked.Add(fallback);
            }
        }

        return (hedged, asked.ToImmutable());
    }

    private bool HasSomebodyFor(NodeId primary) => Slots.Any(slot => slot.StandsFor == primary && slot.State != SlotState.Failed);

    private (ReplicaSlots Slots, ReplicaSlot? Next) StandInFor(NodeId primary)
    {
        if (!_sloppy || _fallbacksUsed == _list.Fallbacks.Length)
        {
            return (this, null);
        }

        var next = new ReplicaSlot(_list.Fallbacks[_fallbacksUsed], primary, SlotState.Waiting);
        return (new ReplicaSlots(_list, _sloppy, Slots.Add(next), _fallbacksUsed + 1), next);
    }

    private ReplicaSlots Mark(NodeId node, SlotState state)
    {
        var place = Waiting(node);
        return place < 0 ? this : new ReplicaSlots(_list, _sloppy, Slots.SetItem(place, Slots[place] with { State = state }), _fallbacksUsed);
    }

    private int Waiting(NodeId node)
    {
        for (var i = 0; i < Slots.Length; i++)
        {
            if (Slots[i].Node == node && Slots[i].State == SlotState.Waiting)
            {
                return i;
            }
        }

        return -1;
    }
}
