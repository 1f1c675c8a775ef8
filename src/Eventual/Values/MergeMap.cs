using System.Collections.Immutable;

namespace KvRaft.Eventual.Values;

/// <summary>
/// Named fields, each a counter, a set or a register, merged one by one. A field has one kind for life and stays once it is there; it can be
/// emptied, not removed. Maps hold no maps: a name with dots in it says the same.
/// </summary>
public sealed record MergeMap : MergeValue
{
    public static readonly MergeMap Empty = new(ImmutableSortedDictionary.Create<string, MergeValue>(StringComparer.Ordinal));

    private MergeMap(ImmutableSortedDictionary<string, MergeValue> fields) => Fields = fields;

    public ImmutableSortedDictionary<string, MergeValue> Fields { get; }

    public override MergeKind Kind => MergeKind.Map;

    /// <returns>Null if a field is a map, or a name comes twice or out of order.</returns>
    public static MergeMap? TryOf(IReadOnlyList<KeyValuePair<string, MergeValue>> fields)
    {
        for (var i = 0; i < fields.Count; i++)
        {
            if (fields[i].Value is MergeMap || (i > 0 && string.CompareOrdinal(fields[i - 1].Key, fields[i].Key) >= 0))
            {
                return null;
            }
        }

        return new MergeMap(Empty.Fields.AddRange(fields));
    }

    /// <summary>Null if the field is of another kind, or the change is refused by it.</summary>
    public MergeMap? Change(string name, MergeChange change, WriteMark mark)
    {
        if (change.Kind == MergeKind.Map)
        {
            return null;
        }

        var field = Fields.GetValueOrDefault(name) ?? InitialOf(change.Kind);
        return field.Kind == change.Kind && change.ApplyTo(field, mark) is { } changed ? new MergeMap(Fields.SetItem(name, changed)) : null;
    }

    /// <summary>
    /// Two sides may have made a field of one name with different kinds. Then the kind with the smaller number stays, everywhere: the choice
    /// is arbitrary, but the same for all, and the documented price of using one name for two things.
    /// </summary>
    public override MergeValue? Merge(MergeValue other)
    {
        if (other is not MergeMap map)
        {
            return null;
        }

        var merged = Fields.ToBuilder();
        foreach (var (name, theirs) in map.Fields)
        {
            merged[name] = !merged.TryGetValue(name, out var ours) ? theirs
                : ours.Merge(theirs) ?? (ours.Kind < theirs.Kind ? ours : theirs);
        }

        return new MergeMap(merged.ToImmutable());
    }

    public bool Equals(MergeMap? other) => other is not null && Fields.SequenceEqual(other.Fields);

    public override int GetHashCode() => Fields.Count;
}
