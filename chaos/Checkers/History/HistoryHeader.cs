namespace KvRaft.Chaos.Checkers;

/// <summary>The optional first line of a history: the description of the run. Checkers read only <see cref="Parameters"/>.</summary>
public sealed record HistoryHeader
{
    /// <summary>The required value of <c>format</c>.</summary>
    public const string Format = "kvraft-history";

    /// <summary>The required value of <c>version</c>; a reader refuses any other.</summary>
    public const int Version = 1;

    public string? Run { get; init; }

    public long? Seed { get; init; }

    public string? Workload { get; init; }

    public IReadOnlyList<string> Nodes { get; init; } = [];

    public string? Clock { get; init; }

    public string? Build { get; init; }

    /// <summary>A sentence for people; in the recorded histories, the description of their fault.</summary>
    public string? Note { get; init; }

    /// <summary>The name of the anomaly that the checker must find, in recorded histories; otherwise <c>null</c>.</summary>
    public string? Anomaly { get; init; }

    /// <summary>Numbers that a checker needs and that the events do not contain, for example the total of a bank.</summary>
    public IReadOnlyDictionary<string, long> Parameters { get; init; } = new Dictionary<string, long>();
}
