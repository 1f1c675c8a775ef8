namespace KvRaft.Client;

/// <summary>What is known about the effect of a request that failed.</summary>
public enum KvOutcome
{
    /// <summary>It did not and will not take effect.</summary>
    NotApplied,

    /// <summary>
    /// It may have taken effect, or may yet. For a write, <see cref="KvException.RequestId"/> names it, and
    /// <see cref="IKeyspace{TKey,TValue}.GetRequestResultAsync"/> may tell.
    /// </summary>
    Unknown,
}

/// <summary>
/// A request could not be done. Expected answers (no such key, a condition that did not hold) are results, not exceptions.
/// </summary>
public sealed class KvException : Exception
{
    public KvException(string message)
        : base(message)
    {
    }

    public KvException(string message, Exception? innerException)
        : base(message, innerException)
    {
    }

    public KvException()
    {
    }

    /// <summary>One of <see cref="V1.ErrorReasons"/>, or the name of a gRPC status code where the node gave no reason.</summary>
    public string Reason { get; init; } = V1.ErrorReasons.Internal;

    /// <summary>The same request may succeed later, unchanged.</summary>
    public bool IsTransient { get; init; }

    public KvOutcome Outcome { get; init; } = KvOutcome.Unknown;

    /// <summary>The node that was asked last, <c>host:port</c>.</summary>
    public string? Endpoint { get; init; }

    /// <summary>The shard concerned, if known.</summary>
    public int? Shard { get; init; }

    /// <summary>Of a write: its name, by which its fate can be asked.</summary>
    public KvRequestId? RequestId { get; init; }

    /// <summary>
    /// No node answered anything to any attempt: none of them runs, none can be reached from here, or they are silent. Says nothing about
    /// <see cref="Outcome"/>.
    /// </summary>
    public bool NoNodeAnswered { get; init; }

    /// <summary>How often the request was sent.</summary>
    public int Attempts { get; init; }

    /// <summary>What the node said about the error: limit, actual, setting, ...</summary>
    public IReadOnlyDictionary<string, string> Details { get; init; } = new Dictionary<string, string>();
}
