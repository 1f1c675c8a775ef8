using KvRaft.Eventual.Causality;

namespace KvRaft.Eventual.Values;

/// <summary>The one value that the siblings of a key represent together.</summary>
internal static class SiblingValues
{
    /// <summary>All siblings merged; the initial value if there are none; null if one is of another kind.</summary>
    /// <exception cref="EventualFormatException">A sibling is not a value of any kind.</exception>
    public static MergeValue? Merge(SiblingSet state, MergeKind kind)
    {
        MergeValue? merged = MergeValue.InitialOf(kind);
        foreach (var sibling in state.Siblings)
        {
            merged = merged?.Merge(MergeValueCodec.Decode(sibling.Value));
        }

        return merged;
    }

    /// <summary>The latest by hybrid time, and by dot among equally late ones; null if there is no current value.</summary>
    public static Sibling? Latest(SiblingSet state) =>
        state.Siblings.MaxBy(static sibling => (sibling.WrittenAt, sibling.Dot));
}
