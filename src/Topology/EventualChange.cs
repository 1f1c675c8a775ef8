namespace KvRaft.Topology;

/// <summary>What shall be different about the promise of an eventual keyspace; null stays as it is.</summary>
public sealed record EventualChange
{
    public int? N { get; init; }

    public int? R { get; init; }

    public int? W { get; init; }

    public bool? Sloppy { get; init; }

    public ConflictPolicy? Conflict { get; init; }

    public EventualDurability? Durability { get; init; }

    /// <summary>The policy afterwards, whether it makes sense or not.</summary>
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
    /// Why the change cannot be made of a keyspace that may hold values; null if it can. Plain values stay plain values, whether they are shown side by side or the
    /// latest only; typed ones are bytes that only their own type can read.
    /// </summary>
    public string? WhyNot(EventualPolicy before)
    {
        ArgumentNullException.ThrowIfNull(before);
        return Conflict is { } wanted && wanted != before.Conflict && !(IsPlain(wanted) && IsPlain(before.Conflict))
            ? $"it may hold values of type {before.Conflict}, which {wanted} cannot read; make another keyspace"
            : Of(before).Mistake();
    }

    private static bool IsPlain(ConflictPolicy policy) => policy is ConflictPolicy.Siblings or ConflictPolicy.LastWriter;
}
