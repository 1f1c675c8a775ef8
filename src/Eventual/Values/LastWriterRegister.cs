namespace KvRaft.Eventual.Values;

/// <summary>
/// One value. Of two concurrent values the later by hybrid time remains; of equally late ones, the one with the greater dot. The other value is
/// lost, which an application accepts when it chooses this type.
/// </summary>
public sealed record LastWriterRegister : MergeValue
{
    public static readonly LastWriterRegister Unwritten = new(default, default);

    private LastWriterRegister(ReadOnlyMemory<byte> value, WriteMark mark) => (Value, Mark) = (value, mark);

    public ReadOnlyMemory<byte> Value { get; }

    /// <summary>The mark of the write; its counter is 0 before the first.</summary>
    public WriteMark Mark { get; }

    public override MergeKind Kind => MergeKind.Register;

    /// <returns>Null if there is a value without a write.</returns>
    public static LastWriterRegister? TryOf(ReadOnlyMemory<byte> value, WriteMark mark) =>
        mark.Dot.Counter > 0 ? new LastWriterRegister(value, mark) : value.IsEmpty && mark == default ? Unwritten : null;

    /// <summary>A client that replaces a value has seen it, so the new value wins even if clocks disagree: its stamp is moved past the old one.</summary>
    public LastWriterRegister Write(ReadOnlyMemory<byte> value, WriteMark mark) =>
        new(value, mark.At.CompareTo(Mark.At) > 0 ? mark : mark with { At = Mark.At.Successor });

    public override MergeValue? Merge(MergeValue other) =>
        other is LastWriterRegister register ? IsLaterThan(register) ? this : register : null;

    public bool Equals(LastWriterRegister? other) => other is not null && Mark == other.Mark && Value.Span.SequenceEqual(other.Value.Span);

    public override int GetHashCode() => Mark.GetHashCode();

    private bool IsLaterThan(LastWriterRegister other) =>
        Mark.At != other.Mark.At ? Mark.At.CompareTo(other.Mark.At) > 0 : Mark.Dot.CompareTo(other.Mark.Dot) > 0;
}
