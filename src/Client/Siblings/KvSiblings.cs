using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>The guarantee of an answer of an eventual keyspace.</summary>
/// <param name="Answered">The number of replicas that had answered.</param>
/// <param name="Fallbacks">The number of those that substituted a replica holder.</param>
/// <param name="Overlaps">R + W was above N, and no fallback was counted: every read with the R of the keyspace sees such a write, and a read has
/// seen every such write.</param>
/// <param name="ServedBy">The node that coordinated.</param>
public sealed record KvQuorumInfo(int Answered, int Fallbacks, bool Overlaps, string ServedBy)
{
    /// <summary>
    /// For a write: an earlier attempt was sent to a node that did not answer, so the value may exist twice. Readers receive it once. If a client
    /// replaces or deletes one of the two without having seen the other, the other reappears.
    /// </summary>
    public bool Repeated { get; init; }

    internal static KvQuorumInfo Of(EventualHeader? header) =>
        new(header?.Answered ?? 0, header?.Fallbacks ?? 0, header?.Overlaps ?? false, header?.ServedBy ?? "") { Repeated = header?.Repeated ?? false };
}

/// <summary>One of several concurrent values of a key.</summary>
/// <param name="Value">The value.</param>
/// <param name="WrittenAt">By the clock of the node that coordinated the write; for people.</param>
/// <param name="ExpiresAt">Null: never.</param>
public readonly record struct KvSibling<TValue>(TValue Value, DateTimeOffset WrittenAt, DateTimeOffset? ExpiresAt);

/// <summary>All current values of a key, and the context to replace them.</summary>
public sealed record KvSiblings<TValue>
{
    /// <summary>Empty: the key is absent. More than one: their writers had not read each other's value.</summary>
    public required IReadOnlyList<KvSibling<TValue>> Items { get; init; }

    /// <summary>Pass it to the write that replaces these values.</summary>
    public required KvContext Context { get; init; }

    public required KvQuorumInfo Quorum { get; init; }

    public IEnumerable<TValue> Values => Items.Select(static item => item.Value);
}

/// <summary>The result of a write to an eventual keyspace.</summary>
public sealed record KvEventualWrite
{
    /// <summary>The context of the current values according to the coordinator: for the next write of the same writer.</summary>
    public required KvContext Context { get; init; }

    /// <summary>The number of current siblings according to the coordinator.</summary>
    public required int Siblings { get; init; }

    public required KvQuorumInfo Quorum { get; init; }
}
