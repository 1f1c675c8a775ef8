namespace KvRaft.Chaos.Checkers;

/// <summary>The limits of the search.</summary>
public sealed record LinearizabilityOptions
{
    /// <summary>
    /// The maximum number of steps (operations tried on a configuration) per key. A recorded key of 200 operations by 10 clients with 30 open writes
    /// takes about ten thousand; the default is a thousand times that and ends within seconds.
    /// </summary>
    public long StepsPerKeyMax { get; init; } = 10_000_000;

    /// <summary>
    /// The maximum number of configurations stored at a time; a key that needs more is undecided. One takes about a hundred bytes, so the default
    /// limits a search to about a hundred MiB. Keys are judged one after another.
    /// </summary>
    public int ConfigurationsMax { get; init; } = 1_000_000;

    /// <summary>
    /// The maximum number of steps of the search for the smallest counter-examples, for all keys together; at the limit it returns the smallest found
    /// so far. The violation itself is already found.
    /// </summary>
    public long ShrinkStepsMax { get; init; } = 20_000_000;

    /// <summary>
    /// Called from time to time while a key is judged; true leaves the remaining keys undecided. For callers with a time limit; null: never.
    /// </summary>
    public Func<bool>? IsOver { get; init; }

    /// <summary>
    /// Called from time to time after all keys are judged; true ends the shrinking with the smallest counter-examples found so far. Null: never.
    /// </summary>
    public Func<bool>? IsShrinkingOver { get; init; }

    /// <summary>The initial state of every key; <c>null</c> means absent.</summary>
    public string? InitialValue { get; init; }
}
