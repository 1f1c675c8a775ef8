namespace KvRaft.Topology;

/// <summary>The requested changes of the policy of an eventual keyspace; null: unchanged.</summary>
public sealed record EventualChange
{
    public int? N { get; init; }

    public int? R { get; init; }

    public int? W { get; init; }

    public bool? Sloppy { get; init; }

    public ConflictPolicy? Conflict { get; init; }

    public EventualDurability? Durability { get; init; }

    /// <summary>The changed policy, without validation.</summary>
    public EventualPolicy Of(EventualPolicy before)
    {
        ArgumentNullException.ThrowIfNull(before);
        return before with
        {
            Quorum = new QuorumSpec(N ?? before.Quorum.N, R ?? before.Quorum.R, W ?? before.Quorum.W, Sloppy ?? before.Quorum.Sloppy),
            Conflict = Conflict ?? before.Conflict,
            Durability = Durability ?? before.Durability,
        };
    }

    /// <summary>
    /// The reason why the change is not possible for a keyspace that may hold values; null if it is possible. Plain values stay plain values under
    /// both SIBLINGS and LAST_WRITER; the bytes of a typed value can be read only by its own type.
    /// </summary>
    public string? WhyNot(EventualPolicy before)
    {
        ArgumentNullException.ThrowIfNull(before);
        return Conflict is { } wanted && wanted != before.Conflict && !(IsPlain(wanted) && IsPlain(before.Conflict))
            ? $"it may hold values of type {before.Conflict}, which {wanted} cannot read; create another keyspace"
            : Of(before).Mistake();
    }

    private static bool IsPlain(ConflictPolicy policy) => policy is ConflictPolicy.Siblings or ConflictPolicy.LastWriter;
}
