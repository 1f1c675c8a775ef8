using KvRaft.Eventual.Causality;

namespace KvRaft.Eventual.Values;

/// <summary>
/// A value whose concurrent versions have one correct merge, so that clients never see siblings: a counter, a set, a register, or a map of
/// these. The replica that executes a change first merges every sibling it holds, then changes the result and replaces all of
/// them; readers merge the remaining ones. The merge of two values of one kind is commutative, associative and idempotent; values of different kinds
/// have no merge. (Shapiro, Preguiça, Baquero, Zawirski: A comprehensive study of Convergent and Commutative Replicated Data Types,
/// INRIA 2011.)
/// </summary>
public abstract record MergeValue
{
    private protected MergeValue()
    {
    }

    public abstract MergeKind Kind { get; }

    /// <summary>The least value that includes both; null if they are of different kinds, or hold fields of different kinds under one name.</summary>
    public abstract MergeValue? Merge(MergeValue other);

    /// <summary>The value of a kind before its first change.</summary>
    public static MergeValue InitialOf(MergeKind kind) => kind switch
    {
        MergeKind.Counter => PnCounter.Zero,
        MergeKind.Set => AddWinsSet.Empty,
        MergeKind.Register => LastWriterRegister.Unwritten,
        MergeKind.Map => MergeMap.Empty,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "Unknown kind of value."),
    };
}

/// <summary>The numbers are stored and never change their meaning.</summary>
public enum MergeKind : byte
{
    Counter = 1,
    Set = 2,
    Register = 3,
    Map = 4,
}

/// <summary>The mark of a change: the dot of the write that carries it, and its time.</summary>
public readonly record struct WriteMark(Dot Dot, HybridStamp At);
