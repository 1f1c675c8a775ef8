namespace KvRaft.Client;

/// <summary>The effect of a failed request.</summary>
public enum KvOutcome
{
    /// <summary>It had no effect and will have none.</summary>
    NotApplied,

    /// <summary>
    /// It may have taken effect, or may take effect later. <see cref="KvException.RequestId"/> identifies a write, and
    /// <see cref="IKeyspace{TKey,TValue}.GetRequestResultAsync"/> may return its outcome.
    /// </summary>
    Unknown,
}

/// <summary>A request failed. Expected answers (an absent key, a condition that did not hold) are results, not exceptions.</summary>
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

    /// <summary>One of <see cref="V1.ErrorReasons"/>, or the name of a gRPC status code if the node gave no reason.</summary>
    public string Reason { get; init; } = V1.ErrorReasons.Internal;

    /// <summary>The same request may succeed later, unchanged.</summary>
    public bool IsTransient { get; init; }

    public KvOutcome Outcome { get; init; } = KvOutcome.Unknown;

    /// <summary>The node of the last attempt, <c>host:port</c>.</summary>
    public string? Endpoint { get; init; }

    /// <summary>The shard, if known.</summary>
    public int? Shard { get; init; }

    /// <summary>For a write: the request id, with which its outcome can be queried.</summary>
    public KvRequestId? RequestId { get; init; }

    /// <summary>No node answered any attempt: no node runs, none is reachable, or all are silent. Independent of <see cref="Outcome"/>.</summary>
    public bool NoNodeAnswered { get; init; }

    /// <summary>The number of attempts.</summary>
    public int Attempts { get; init; }

    /// <summary>The details of the error from the node: limit, actual, setting, ...</summary>
    public IReadOnlyDictionary<string, string> Details { get; init; } = new Dictionary<string, string>();
}
