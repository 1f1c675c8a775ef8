using System.Globalization;

namespace KvRaft.Client;

/// <summary>The name of one write: who sent it, and which of its writes it was.</summary>
public readonly record struct KvRequestId(Guid ClientId, long Sequence)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{ClientId:N}-{Sequence}");

    /// <summary>Reads what <see cref="ToString"/> wrote.</summary>
    public static bool TryParse(string? text, out KvRequestId id)
    {
        id = default;
        if (text is not { Length: > 33 } || text[32] != '-'
            || !Guid.TryParseExact(text.AsSpan(0, 32), "N", out var client)
            || !long.TryParse(text.AsSpan(33), NumberStyles.None, CultureInfo.InvariantCulture, out var sequence))
        {
            return false;
        }

        id = new KvRequestId(client, sequence);
        return true;
    }
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
