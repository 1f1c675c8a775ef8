namespace KvRaft.Chaos.Checkers;

/// <summary>How hard to look.</summary>
public sealed record LinearizabilityOptions
{
    /// <summary>
    /// Steps (operations tried on a configuration) one key may cost. A recorded key of 200 operations by 10 clients with
    /// 30 open writes costs some ten thousand; the default leaves a thousandfold and ends within seconds.
    /// </summary>
    public long StepsPerKeyMax { get; init; } = 10_000_000;

    /// <summary>Steps the search for the smallest counter-example may cost per key; it ends with the smallest found so far.</summary>
    public long ShrinkStepsMax { get; init; } = 20_000_000;

    /// <summary>The state every key starts in; <c>null</c> means absent.</summary>
    public string? InitialValue { get; init; }
}
