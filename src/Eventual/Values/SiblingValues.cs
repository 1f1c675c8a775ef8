using KvRaft.Eventual.Causality;

namespace KvRaft.Eventual.Values;

/// <summary>The one value that the siblings of a key represent together.</summary>
internal static class SiblingValues
{
    /// <summary>All siblings merged; the initial value if there are none; null if one is of another kind.</summary>
    /// <exception cref="EventualFormatException">A sibling is not a value of any kind.</exception>
    public static MergeValue? Merge(SiblingSet state, MergeKind kind)
    {
        if (state.Siblings.IsEmpty)
        {
            return MergeValue.InitialOf(kind);
        }

        // In pairs, and the results in pairs: so an element takes part in a few merges, and not in one for each sibling.
        var values = state.Siblings.Select(static sibling => (MergeValue?)MergeValueCodec.Decode(sibling.Value)).ToArray();
        for (var step = 1; step < values.Length; step *= 2)
        {
            for (var i = 0; i + step < values.Length; i += 2 * step)
            {
                values[i] = values[i + step] is { } other ? values[i]?.Merge(other) : null;
                values[i + step] = null;
            }
        }

        return values[0] is { } merged && merged.Kind == kind ? merged : null;
    }

    /// <summary>The latest by hybrid time, and by dot among equally late ones; null if there is no current value.</summary>
    public static Sibling? Latest(SiblingSet state) =>
        state.Siblings.MaxBy(static sibling => (sibling.WrittenAt, sibling.Dot));
}
