using KvRaft.Eventual.Causality;

namespace KvRaft.Eventual.Values;

/// <summary>
/// A value whose concurrent versions have one right answer, so that nobody is ever shown siblings: a counter, a set, a register, a map of
/// these. The replica that takes a change first merges every sibling it knows, then changes the result and writes it over all of
/// them; readers merge what is left. Merging two values of one kind is commutative, associative and idempotent; values of different kinds
/// have no merge. (Shapiro, Preguiça, Baquero, Zawirski: A comprehensive study of Convergent and Commutative Replicated Data Types,
/// INRIA 2011.)
/// </summary>
public abstract record MergeValue
{
    private protected MergeValue()
    {
    }

    public abstract MergeKind Kind { get; }

    /// <summary>The value that knows what both know; null if they are of different kinds, or hold fields of different kinds under one name.</summary>
    public abstract MergeValue? Merge(MergeValue other);

    /// <summary>The value of a kind that nobody has changed yet.</summary>
    public static MergeValue InitialOf(MergeKind kind) => kind switch
    {
        MergeKind.Counter => PnCounter.Zero,
        MergeKind.Set => AddWinsSet.Empty,
        MergeKind.Register => LastWriterRegister.Unwritten,
        MergeKind.Map => MergeMap.Empty,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown kind of value."),
    };
}

/// <summary>The numbers are stored; they never change their meaning.</summary>
public enum MergeKind : byte
{
    Counter = 1,
    Set = 2,
    Register = 3,
    Map = 4,
}

/// <summary>What a change is marked with: the dot of the write that carries it, and its time.</summary>
public readonly record struct WriteMark(Dot Dot, HybridStamp At);
