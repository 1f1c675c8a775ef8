namespace KvRaft.Chaos.Checkers;

/// <summary>The optional first line of a history: what run it was. Checkers read only <see cref="Parameters"/>.</summary>
public sealed record HistoryHeader
{
    /// <summary>What <c>format</c> must say.</summary>
    public const string Format = "kvraft-history";

    /// <summary>What <c>version</c> must say; a reader refuses any other.</summary>
    public const int Version = 1;

    public string? Run { get; init; }

    public long? Seed { get; init; }

    public string? Workload { get; init; }

    public IReadOnlyList<string> Nodes { get; init; } = [];

    public string? Clock { get; init; }

    public string? Build { get; init; }

    /// <summary>A sentence for people; in the recorded histories, what is wrong with this one.</summary>
    public string? Note { get; init; }

    /// <summary>The name of the anomaly the checker is to find, in recorded histories; <c>null</c> elsewhere.</summary>
    public string? Anomaly { get; init; }

    /// <summary>Figures a checker needs and the events do not carry, such as a bank's total.</summary>
    public IReadOnlyDictionary<string, long> Parameters { get; init; } = new Dictionary<string, long>();
}
