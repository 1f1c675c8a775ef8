namespace KvRaft.Client;

/// <summary>The keys to delete: those from <see cref="Start"/> to <see cref="End"/> that have the prefix.</summary>
public sealed record KvDeleteRange
{
    /// <summary>Every key of the keyspace.</summary>
    public static KvDeleteRange Everything { get; } = new() { IsEverything = true };

    public ReadOnlyMemory<byte> Prefix { get; init; }

    /// <summary>Inclusive.</summary>
    public ReadOnlyMemory<byte> Start { get; init; }

    /// <summary>Exclusive; empty: no end.</summary>
    public ReadOnlyMemory<byte> End { get; init; }

    /// <summary>Deletes all keys or none; the keys must be within one tag of a keyspace that routes by tag.</summary>
    public bool Atomic { get; init; }

    private bool IsEverything { get; init; }

    internal V1.DeleteRangeRequest ToWire() => new()
    {
        Prefix = Values.WireValues.ToWire(Prefix),
        Start = Values.WireValues.ToWire(Start),
        End = Values.WireValues.ToWire(End),
        All = IsEverything,
        Atomic = Atomic,
    };
}
