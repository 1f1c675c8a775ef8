using KvRaft.Eventual.Causality;

namespace KvRaft.Eventual.Values;

/// <summary>The one value that a key's siblings mean together.</summary>
internal static class SiblingValues
{
    /// <summary>All siblings merged; the initial value if there are none; null if one is of another kind.</summary>
    /// <exception cref="EventualFormatException">A sibling is no such value at all.</exception>
    public static MergeValue? Merge(SiblingSet state, MergeKind kind)
    {
        MergeValue? merged = MergeValue.InitialOf(kind);
        foreach (var sibling in state.Siblings)
        {
            merged = merged?.Merge(MergeValueCodec.Decode(sibling.Value));
        }

        return merged;
    }

    /// <summary>The latest by hybrid time, and by dot among equally late ones; null if nothing stands.</summary>
    public static Sibling? Latest(SiblingSet state) =>
        state.Siblings.MaxBy(static sibling => (sibling.WrittenAt, sibling.Dot));
}
