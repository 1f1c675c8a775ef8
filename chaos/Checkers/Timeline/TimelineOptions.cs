namespace KvRaft.Chaos.Checkers;

/// <summary>The limits of a timeline. A page with everything is too long to read.</summary>
public sealed record TimelineOptions
{
    /// <summary>The number of findings that are drawn, each in its own section; the others are counted.</summary>
    public int FindingsMax { get; init; } = 10;

    /// <summary>
    /// A key with more operations than this is reduced to the neighbourhood of the proof. Twice the harness limit of 200 operations per key.
    /// </summary>
    public int OperationsMax { get; init; } = 400;

    /// <summary>Operations shown before and after each operation of the proof, if a key is reduced.</summary>
    public int Neighbours { get; init; } = 25;
}
