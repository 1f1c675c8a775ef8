using System.Globalization;

namespace KvRaft.Client;

/// <summary>The identity of one write: the session that sent it, and its number in the session.</summary>
public readonly record struct KvRequestId(Guid ClientId, long Sequence)
{
    /// <summary>The shard of <see cref="AfterIndex"/>.</summary>
    public int AfterShard { get; init; }

    /// <summary>
    /// An index of the shard's log that the client had seen before it sent the write; 0: none. With it a shard that has forgotten idle sessions can
    /// say that a write was never applied; without it the shard can only say that it does not know.
    /// </summary>
    public long AfterIndex { get; init; }

    public override string ToString() => AfterIndex == 0
        ? string.Create(CultureInfo.InvariantCulture, $"{ClientId:N}-{Sequence}")
        : string.Create(CultureInfo.InvariantCulture, $"{ClientId:N}-{Sequence}-{AfterShard}-{AfterIndex}");

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
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

/// <summary>What a node says became of a write.</summary>
public enum KvRequestState
{
    /// <summary>The shard has not seen it. If the writer no longer sends it, it will not happen.</summary>
    NotSeen,

    /// <summary>It took effect.</summary>
    Applied,

    /// <summary>It was executed, and its condition did not hold.</summary>
    ConditionFailed,

    /// <summary>The shard no longer remembers, and will not execute it any more.</summary>
    Expired,

    /// <summary>It was executed and refused by rule (an increment of text, or past its bounds); nothing was changed.</summary>
    Refused,
}

/// <param name="Version">The version an applied write made; else 0.</param>
public readonly record struct KvRequestResult(KvRequestState State, long Version)
{
    /// <summary>Of an applied increment: the number it arrived at.</summary>
    public long Number { get; init; }

    /// <summary>Of an applied transaction: its conditions held.</summary>
    public bool Succeeded { get; init; }
}
