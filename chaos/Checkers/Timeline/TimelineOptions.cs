namespace KvRaft.Chaos.Checkers;

/// <summary>How much a timeline shows. A page that shows everything is read by nobody.</summary>
public sealed record TimelineOptions
{
    /// <summary>Findings drawn, each in a section of its own; the rest is counted.</summary>
    public int FindingsMax { get; init; } = 10;

    /// <summary>A key with more operations than this is cut to the neighbourhood of the proof. Twice our rollover of 200 a key.</summary>
    public int OperationsMax { get; init; } = 400;

    /// <summary>Operations shown before and after each one of the proof, where a key is cut.</summary>
    public int Neighbours { get; init; } = 25;
}
