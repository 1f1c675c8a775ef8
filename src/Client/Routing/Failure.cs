using Grpc.Core;

namespace KvRaft.Client.Routing;

/// <summary>What to do about a failure, decided from its reason alone.</summary>
internal enum FailureKind
{
    /// <summary>The wrong node was asked; it said so before doing anything.</summary>
    Redirect,

    /// <summary>The node or the shard could not answer just now.</summary>
    Unavailable,

    /// <summary>The node has too much to do, and said so before doing anything.</summary>
    Overloaded,

    /// <summary>This replica cannot answer, others can.</summary>
    ReplicaUnfit,

    /// <summary>A fault inside a node: may pass, but not likely.</summary>
    Fault,

    /// <summary>Repeating the request would repeat the failure.</summary>
    Permanent,
}

/// <summary>One failed attempt, whichever way it travelled.</summary>
internal sealed record Failure(StatusCode Code, string Reason, string Message, KvOutcome Outcome)
{
    public required FailureKind Kind { get; init; }

    public V1.RouteHint? Hint { get; init; }

    /// <summary>The pause the node asks for; zero: none.</summary>
    public TimeSpan RetryAfter { get; init; }

    public IReadOnlyDictionary<string, string> Details { get; init; } = System.Collections.Frozen.FrozenDictionary<string, string>.Empty;

    public Exception? Cause { get; init; }

    /// <summary>The connection, not the node's answer, is what failed; the node may be gone.</summary>
    public bool IsSilence { get; init; }
}
