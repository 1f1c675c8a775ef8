namespace KvRaft.Chaos.Checkers;

/// <summary>How hard to look.</summary>
public sealed record LinearizabilityOptions
{
    /// <summary>
    /// Steps (operations tried on a configuration) one key may cost. A recorded key of 200 operations by 10 clients with
    /// 30 open writes costs some ten thousand; the default leaves a thousandfold and ends within seconds.
    /// </summary>
    public long StepsPerKeyMax { get; init; } = 10_000_000;

    /// <summary>
    /// Configurations remembered at one moment; a key that needs more is undecided. One takes about a hundred bytes, so the default keeps a search below some
    /// hundred MiB. Keys are judged one after another.
    /// </summary>
    public int ConfigurationsMax { get; init; } = 1_000_000;

    /// <summary>
    /// Steps the search for the smallest counter-examples may cost, of all keys together; it ends with the smallest found so far. The violation itself is
    /// known before.
    /// </summary>
    public long ShrinkStepsMax { get; init; } = 20_000_000;

    /// <summary>Asked now and then while a key is judged; true leaves the remaining keys undecided. For callers that have no more time; null: never.</summary>
    public Func<bool>? IsOver { get; init; }

    /// <summary>Asked now and then once all keys are judged; true ends the shrinking with the smallest counter-examples found so far. Null: never.</summary>
    public Func<bool>? IsShrinkingOver { get; init; }

    /// <summary>The state every key starts in; <c>null</c> means absent.</summary>
    public string? InitialValue { get; init; }
}
