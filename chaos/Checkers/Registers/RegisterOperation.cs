namespace KvRaft.Chaos.Checkers;

internal enum RegisterEffect
{
    /// <summary>Saw <see cref="RegisterOperation.Expected"/>; changes nothing.</summary>
    Observe,

    /// <summary>Saw anything but <see cref="RegisterOperation.Expected"/>; changes nothing.</summary>
    ObserveOther,

    /// <summary>Sets <see cref="RegisterOperation.Written"/>, whatever was there: put and delete.</summary>
    Write,

    /// <summary>Sets <see cref="RegisterOperation.Written"/> if <see cref="RegisterOperation.Expected"/> was there: cas and expiry.</summary>
    Swap,

    /// <summary>Appends the text of <see cref="RegisterOperation.Source"/> to what was there.</summary>
    Append,
}

/// <summary>An operation as the search sees it: values are small numbers, unimportant operations are gone.</summary>
internal sealed class RegisterOperation
{
    public required Operation Source { get; init; }

    public required RegisterEffect Effect { get; init; }

    public int Expected { get; init; }

    public int Written { get; init; }

    public required long Invoked { get; init; }

    /// <summary>The last moment it may take effect; <see cref="Operation.Never"/> for open ones, which may also never do so.</summary>
    public required long Completed { get; init; }

    /// <summary>
    /// Operations of one class (same effect, same numbers) are interchangeable but for their deadlines; -1 where the
    /// operation is alone in its class or only observes.
    /// </summary>
    public int Class { get; set; } = -1;

    /// <summary>The text that it asks for: what a read returned, what a cas expected.</summary>
    public string? AskedText => Effect == RegisterEffect.Observe ? Source.Result.Content : Source.Function == Functions.CompareAndSet ? Source.Invocation.Expected.Content : Source.Argument.Content;

    /// <summary>Of an append: the last completion of an operation that asks for a text in which its own occurs; 0: there is none.</summary>
    public long MayBeNeededUntil { get; set; }

    /// <summary>Its place in the masks of a <see cref="Configuration"/>, given by the one search that runs over this history.</summary>
    public UInt128 Bit { get; set; }

    public bool IsOpen => Completed == Operation.Never;

    public bool Observes => Effect is RegisterEffect.Observe or RegisterEffect.ObserveOther;

    /// <summary>True when a state equal to <see cref="Expected"/> is needed for it to take effect.</summary>
    public bool Needs(int value) => Effect is RegisterEffect.Observe or RegisterEffect.Swap && Expected == value;
}
