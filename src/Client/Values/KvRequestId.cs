using System.Globalization;

namespace KvRaft.Client;

/// <summary>The identity of one write: the session that sent it, and its number in the session.</summary>
public readonly record struct KvRequestId(Guid ClientId, long Sequence)
{
    /// <summary>The shard of <see cref="AfterIndex"/>.</summary>
    public int AfterShard { get; init; }

    /// <summary>
    /// An index of the shard's log that the client had seen before it sent the write; 0: none. With it, a shard that has discarded idle sessions can
    /// prove that a write was never applied; without it, the shard answers that the outcome is unknown.
    /// </summary>
    public long AfterIndex { get; init; }

    public override string ToString() => AfterIndex == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{ClientId:N}-{Sequence}")
        : string.Create(CultureInfo.InvariantCulture, $"{ClientId:N}-{Sequence}-{AfterShard}-{AfterIndex}");

    /// <summary>Parses the result of <see cref="ToString"/>.</summary>
    public static bool TryParse(string? text, out KvRequestId id)
    {
        id = default;
        var parts = text?.Split('-') ?? [];
        if (parts.Length is not (2 or 4) || !Guid.TryParseExact(parts[0], "N", out var client) || !TryNumber(parts[1], out var sequence))
        {
            return false;
        }

        if (parts.Length == 2)
        {
            id = new KvRequestId(client, sequence);
            return true;
        }

        if (!TryNumber(parts[2], out var shard) || shard > int.MaxValue || !TryNumber(parts[3], out var index))
        {
            return false;
        }

        id = new KvRequestId(client, sequence) { AfterShard = (int)shard, AfterIndex = index };
        return true;
    }

    private static bool TryNumber(string text, out long number) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}

/// <summary>The state of a write according to its shard.</summary>
public enum KvRequestState
{
    /// <summary>The shard has not received it. If the writer does not send it again, it will not be applied.</summary>
    NotSeen,

    /// <summary>It took effect.</summary>
    Applied,

    /// <summary>It was executed, and its condition did not hold.</summary>
    ConditionFailed,

    /// <summary>The shard has discarded the outcome, and will not execute the write any more.</summary>
    Expired,

    /// <summary>It was executed and refused by a rule (an increment of text, or out of bounds); nothing was changed.</summary>
    Refused,
}

/// <param name="State">The state of the write.</param>
/// <param name="Version">The version of an applied write; otherwise 0.</param>
public readonly record struct KvRequestResult(KvRequestState State, long Version)
{
    /// <summary>For an applied increment: its result.</summary>
    public long Number { get; init; }

    /// <summary>For an applied transaction: its conditions held.</summary>
    public bool Succeeded { get; init; }
}
