namespace KvRaft.Topology;

/// <summary>
/// A token range of the ring: from <see cref="Start"/> clockwise to <see cref="End"/>, which is not included. It may wrap around (<c>End</c> below
/// <c>Start</c>). A range with equal ends would be ambiguous, so there are two values for it: <see cref="Empty"/> (also <c>default</c>) and
/// <see cref="Full"/>.
/// </summary>
public readonly record struct TokenRange
{
    private readonly Extent _extent;

    private TokenRange(Token start, Token end, Extent extent)
    {
        Start = start;
        End = end;
        _extent = extent;
    }

    private enum Extent : byte
    {
        Empty,
        Bounded,
        Full,
    }

    public static TokenRange Empty => default;

    /// <summary>The whole ring, written as from 0 to 0.</summary>
    public static TokenRange Full => new(default, default, Extent.Full);

    public Token Start { get; }

    /// <summary>The first token after the range.</summary>
    public Token End { get; }

    public bool IsEmpty => _extent == Extent.Empty;

    public bool IsFull => _extent == Extent.Full;

    /// <summary>The number of tokens: 0 to 2^64.</summary>
    public UInt128 Size => _extent switch
    {
        Extent.Empty => UInt128.Zero,
        Extent.Bounded => Start.DistanceTo(End),
        _ => UInt128.One << 64,
    };

    /// <exception cref="ArgumentException">The ends are equal; use <see cref="Empty"/> or <see cref="Full"/>.</exception>
    public static TokenRange Of(Token start, Token end) =>
        start != end
            ? new TokenRange(start, end, Extent.Bounded)
            : throw new ArgumentException($"A range from {start} to itself is ambiguous; use Empty or Full.", nameof(end));

    /// <summary>The token range of one shard, if the ring is divided into <paramref name="shardCount"/> equal ones.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The count is not a power of two, or the shard is not below it.</exception>
    public static TokenRange OfShard(ShardId shard, int shardCount)
    {
        ShardMap.CheckShardCount(shardCount);
        ArgumentOutOfRangeException.ThrowIfNegative(shard.Value);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(shard.Value, shardCount);
        if (shardCount == 1)
        {
            return Full;
        }

        var size = (ulong.MaxValue / (uint)shardCount) + 1;
        var start = size * (uint)shard.Value;
        return Of(new Token(start), new Token(unchecked(start + size)));
    }

    public bool Contains(Token token) => _extent switch
    {
        Extent.Empty => false,
        Extent.Bounded => Start.DistanceTo(token) < Start.DistanceTo(End),
        _ => true,
    };

    /// <summary>True if every token of <paramref name="other"/> is in this range.</summary>
    public bool Contains(TokenRange other) =>
        other.IsEmpty || IsFull || (!other.IsFull && Start.DistanceTo(other.Start) + other.Size <= Size);

    /// <summary>True if a token is in both ranges.</summary>
    public bool Overlaps(TokenRange other) =>
        !IsEmpty && !other.IsEmpty && (Contains(other.Start) || other.Contains(Start));

    /// <summary>Splits the range in the middle, for a shard split. If the size is odd, the second half is the larger one.</summary>
    /// <exception cref="InvalidOperationException">The range contains fewer than two tokens.</exception>
    public (TokenRange First, TokenRange Second) Halve()
    {
        if (Size < 2)
        {
            throw new InvalidOperationException($"{this} is too small to be split.");
        }

        var middle = new Token(unchecked(Start.Value + (ulong)(Size >> 1)));
        return (Of(Start, middle), Of(middle, End));
    }

    public override string ToString() => _extent switch
    {
        Extent.Empty => "[empty)",
        Extent.Bounded => $"[{Start}, {End})",
        _ => "[full)",
    };
}
