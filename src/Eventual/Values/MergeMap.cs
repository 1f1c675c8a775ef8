using System.Collections.Immutable;

namespace KvRaft.Eventual.Values;

/// <summary>
/// Named fields, each a counter, a set or a register, merged one by one. A field never changes its kind and is never removed; it can be
/// emptied. Maps contain no maps: a name with dots in it has the same effect.
/// </summary>
public sealed record MergeMap : MergeValue
{
    public static readonly MergeMap Empty = new(ImmutableSortedDictionary.Create<string, MergeValue>(StringComparer.Ordinal));

    private MergeMap(ImmutableSortedDictionary<string, MergeValue> fields) => Fields = fields;

    public ImmutableSortedDictionary<string, MergeValue> Fields { get; }

    public override MergeKind Kind => MergeKind.Map;

    /// <returns>Null if a field is a map, or a name is repeated or out of order.</returns>
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

    /// <summary>Null if the field is of another kind, or the field refuses the change.</summary>
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
    /// Two sides may have created a field of one name with different kinds. Then the kind with the smaller number remains on every node. The choice
    /// is arbitrary, but the same for all, and it is the documented cost of one name with two meanings.
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
