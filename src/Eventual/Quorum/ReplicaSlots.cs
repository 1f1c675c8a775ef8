using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Eventual.Quorum;

internal enum SlotState
{
    /// <summary>Asked; no answer yet.</summary>
    Waiting,
    Answered,
    Failed,
}

/// <summary>One node that is asked on behalf of one of the first N of a preference list.</summary>
/// <param name="Node">Who is asked.</param>
/// <param name="StandsFor">The primary; the node itself, if it is one.</param>
internal readonly record struct ReplicaSlot(NodeId Node, NodeId StandsFor, SlotState State)
{
    public bool IsFallback => Node != StandsFor;
}

/// <summary>
/// Who is asked for a key and how far each is: what reads and writes have in common. All N primaries are asked at once; where one fails and
/// the quorum is sloppy, the next node along the ring that is not in use yet stands in for it, and for that one the next. Immutable.
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

    /// <summary>In the order in which they were asked; a primary that failed stays, its fallback follows.</summary>
    public ImmutableArray<ReplicaSlot> Slots { get; }

    public int AnsweredCount => Slots.Count(static slot => slot.State == SlotState.Answered);

    public int WaitingCount => Slots.Count(static slot => slot.State == SlotState.Waiting);

    public int FallbackAnswerCount => Slots.Count(static slot => slot is { State: SlotState.Answered, IsFallback: true });

    /// <summary>Primaries that neither answered nor may still.</summary>
    public IEnumerable<NodeId> FailedPrimaries => Slots.Where(static slot => slot is { State: SlotState.Failed, IsFallback: false }).Select(static slot => slot.Node);

    public static ReplicaSlots Start(PreferenceList list, bool sloppy) => new(
        list, sloppy, [.. list.Primaries.ToArray().Select(static node => new ReplicaSlot(node, node, SlotState.Waiting))], 0);

    /// <summary>A node answered. A second answer, or one of a node that was given up, changes nothing.</summary>
    public ReplicaSlots Answer(NodeId node) => Mark(node, SlotState.Answered);

    /// <summary>A node did not answer, or could not do it.</summary>
    /// <returns>The slots, and who is to be asked in its place; null if nobody.</returns>
    public (ReplicaSlots Slots, ReplicaSlot? Next) Fail(NodeId node)
    {
        var place = Waiting(node);
        if (place < 0)
        {
            return (this, null);
        }

        var failed = Mark(node, SlotState.Failed);
        if (!_sloppy || _fallbacksUsed == _list.Fallbacks.Length)
        {
            return (failed, null);
        }

        var next = new ReplicaSlot(_list.Fallbacks[_fallbacksUsed], Slots[place].StandsFor, SlotState.Waiting);
        return (new ReplicaSlots(_list, _sloppy, failed.Slots.Add(next), _fallbacksUsed + 1), next);
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
