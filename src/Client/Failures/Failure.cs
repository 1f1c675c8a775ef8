using Grpc.Core;

namespace KvRaft.Client.Failures;

/// <summary>The reaction to a failure, determined by its reason alone.</summary>
internal enum FailureKind
{
    /// <summary>The node was the wrong one and refused the request before any effect.</summary>
    Redirect,

    /// <summary>The node or the shard is temporarily unavailable.</summary>
    Unavailable,

    /// <summary>The node is overloaded and refused the request before any effect.</summary>
    Overloaded,

    /// <summary>This replica cannot answer; others can.</summary>
    ReplicaUnfit,

    /// <summary>An internal fault of a node: it may be temporary.</summary>
    Fault,

    /// <summary>A repetition would fail in the same way.</summary>
    Permanent,
}

/// <summary>One failed attempt, from any transport.</summary>
internal sealed record Failure(StatusCode Code, string Reason, string Message, KvOutcome Outcome)
{
    public required FailureKind Kind { get; init; }

    public V1.RouteHint? Hint { get; init; }

    /// <summary>The pause that the node requests; zero: none.</summary>
    public TimeSpan RetryAfter { get; init; }

    public IReadOnlyDictionary<string, string> Details { get; init; } = System.Collections.Frozen.FrozenDictionary<string, string>.Empty;

    public Exception? Cause { get; init; }

    /// <summary>The connection failed, not the node's answer; the node may be down.</summary>
    public bool IsSilence { get; init; }
}
