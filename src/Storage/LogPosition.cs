namespace KvRaft.Storage;

/// <summary>A position in the log of a group: Raft's term and index. Index 0 is "before the first entry".</summary>
public readonly record struct LogPosition(long Term, long Index) : IComparable<LogPosition>
{
    /// <summary>Before the first entry of any log.</summary>
    public static readonly LogPosition None;

    /// <summary>Orders by index: along the committed log of one group the term never decreases.</summary>
    public int CompareTo(LogPosition other) => Index.CompareTo(other.Index);

    public override string ToString() => $"{Index}@{Term}";
}
