using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>What an answer of an eventual keyspace is worth.</summary>
/// <param name="Answered">Replicas that had answered when it was given.</param>
/// <param name="Fallbacks">How many of those only stood in for others.</param>
/// <param name="Overlaps">
/// R + W was above N, with no fallback among those needed: a write is sure to be met by reads with the keyspace's R, and a read has met every such write.
/// </param>
/// <param name="ServedBy">The node that coordinated.</param>
public sealed record KvWorth(int Answered, int Fallbacks, bool Overlaps, string ServedBy)
{
    /// <summary>
    /// Of a write: it had been sent before, to somebody who did not answer, so that its value may stand twice. Readers are shown it once; but whoever replaces
    /// or deletes one of the two has not seen the other, which then comes back.
    /// </summary>
    public bool Repeated { get; init; }

    internal static KvWorth Of(EventualHeader? header) =>
        new(header?.Answered ?? 0, header?.Fallbacks ?? 0, header?.Overlaps ?? false, header?.ServedBy ?? "") { Repeated = header?.Repeated ?? false };
}

/// <summary>One of the values of a key that stand side by side.</summary>
/// <param name="WrittenAt">By the clock of the node that took the write; for people.</param>
/// <param name="ExpiresAt">Null: never.</param>
public readonly record struct KvSibling<TValue>(TValue Value, DateTimeOffset WrittenAt, DateTimeOffset? ExpiresAt);

/// <summary>All values of a key that stand, and the context to replace them.</summary>
public sealed record KvSiblings<TValue>
{
    /// <summary>None: the key is not there. More than one: they were written without knowing of each other.</summary>
    public required IReadOnlyList<KvSibling<TValue>> Items { get; init; }

    /// <summary>To be given to the write that replaces what was read.</summary>
    public required KvContext Context { get; init; }

    public required KvWorth Worth { get; init; }

    public IEnumerable<TValue> Values => Items.Select(static item => item.Value);
}

/// <summary>How a write of an eventual keyspace ended.</summary>
public sealed record KvEventualWrite
{
    /// <summary>Of what stands now, as the coordinator knows it: for the next write of the same writer.</summary>
    public required KvContext Context { get; init; }

    /// <summary>Values that stand side by side now, as the coordinator knows them.</summary>
    public required int Siblings { get; init; }

    public required KvWorth Worth { get; init; }
}
