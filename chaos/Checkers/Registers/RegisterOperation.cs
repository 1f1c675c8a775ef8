namespace KvRaft.Chaos.Checkers;

internal enum RegisterEffect
{
    /// <summary>Observes <see cref="RegisterOperation.Expected"/>; changes nothing.</summary>
    Observe,

    /// <summary>Observes anything except <see cref="RegisterOperation.Expected"/>; changes nothing.</summary>
    ObserveOther,

    /// <summary>Sets <see cref="RegisterOperation.Written"/> in any state: put and delete.</summary>
    Write,

    /// <summary>Sets <see cref="RegisterOperation.Written"/> if the state is <see cref="RegisterOperation.Expected"/>: cas and expiry.</summary>
    Swap,

    /// <summary>Appends the text of <see cref="RegisterOperation.Source"/> to the state.</summary>
    Append,
}

/// <summary>An operation in the form of the search: values are small numbers, irrelevant operations are removed.</summary>
internal sealed class RegisterOperation
{
    public required Operation Source { get; init; }

    public required RegisterEffect Effect { get; init; }

    public int Expected { get; init; }

    public int Written { get; init; }

    public required long Invoked { get; init; }

    /// <summary>The latest time at which it may take effect; <see cref="Operation.Never"/> for open ones, which may also have no effect.</summary>
    public required long Completed { get; init; }

    /// <summary>
    /// Operations of one class (same effect, same numbers) are interchangeable apart from their deadlines; -1 if the operation is alone in its class
    /// or only observes.
    /// </summary>
    public int Class { get; set; } = -1;

    /// <summary>The text that it expects: the result of a read, the expected value of a cas.</summary>
    public string? AskedText => Effect == RegisterEffect.Observe ? Source.Result.Content : Source.Function == Functions.CompareAndSet ? Source.Invocation.Expected.Content : Source.Argument.Content;

    /// <summary>For an append: the last completion of an operation that expects a text containing its own; 0: there is none.</summary>
    public long MayBeNeededUntil { get; set; }

    /// <summary>Its slot in the masks of a <see cref="Configuration"/>, assigned by the one search that runs over this history.</summary>
    public UInt128 Bit { get; set; }

    public bool IsOpen => Completed == Operation.Never;

    public bool Observes => Effect is RegisterEffect.Observe or RegisterEffect.ObserveOther;

    /// <summary>True if it can take effect only in a state equal to <see cref="Expected"/>.</summary>
    public bool Needs(int value) => Effect is RegisterEffect.Observe or RegisterEffect.Swap && Expected == value;
}
