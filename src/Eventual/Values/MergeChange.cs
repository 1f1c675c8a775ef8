using System.Collections.Immutable;

namespace KvRaft.Eventual.Values;

/// <summary>A change of a <see cref="MergeValue"/>, as a client requests it. It describes the operation, not the result, so it needs no read before.</summary>
public abstract record MergeChange
{
    private protected MergeChange()
    {
    }

    /// <summary>The kind of value it changes.</summary>
    public abstract MergeKind Kind { get; }

    /// <summary>The changed value; null if a field holds a value of another kind, or a counter would exceed its range.</summary>
    /// <param name="value">Of <see cref="Kind"/>.</param>
    /// <param name="mark">The mark of the write that carries the change; its dot was never used before.</param>
    public abstract MergeValue? ApplyTo(MergeValue value, WriteMark mark);
}

/// <summary>Adds to a counter; a negative number subtracts.</summary>
public sealed record AddToCounter(long Delta) : MergeChange
{
    public override MergeKind Kind => MergeKind.Counter;

    public override MergeValue? ApplyTo(MergeValue value, WriteMark mark) => ((PnCounter)value).Add(mark.Dot.Actor, Delta);
}

/// <summary>Removes elements from a set, as far as the replica that executes the change has seen them, then adds elements.</summary>
public sealed record ChangeSet(ImmutableArray<ReadOnlyMemory<byte>> Add, ImmutableArray<ReadOnlyMemory<byte>> Remove) : MergeChange
{
    public override MergeKind Kind => MergeKind.Set;

    public override MergeValue ApplyTo(MergeValue value, WriteMark mark) => ((AddWinsSet)value).Change(Add, Remove, mark.Dot);
}

/// <summary>Writes a register.</summary>
public sealed record WriteRegister(ReadOnlyMemory<byte> Value) : MergeChange
{
    public override MergeKind Kind => MergeKind.Register;

    public override MergeValue ApplyTo(MergeValue value, WriteMark mark) => ((LastWriterRegister)value).Write(Value, mark);
}

/// <summary>Changes a field of a map; the field is created if it does not exist.</summary>
public sealed record ChangeField(string Name, MergeChange Change) : MergeChange
{
    public override MergeKind Kind => MergeKind.Map;

    public override MergeValue? ApplyTo(MergeValue value, WriteMark mark) => ((MergeMap)value).Change(Name, Change, mark);
}
