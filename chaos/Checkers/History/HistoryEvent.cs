namespace KvRaft.Chaos.Checkers;

/// <summary>The type of an event.</summary>
public enum EventType
{
    /// <summary>The operation starts; recorded before the first byte is sent.</summary>
    Invoke,

    /// <summary>It took effect between the two events.</summary>
    Ok,

    /// <summary>It certainly did not and will not take effect.</summary>
    Fail,

    /// <summary>Unknown: it may take effect at any later time, or never.</summary>
    Info,
}

/// <summary>One line of a history: an observation of the control process, in the order of observation.</summary>
public sealed record HistoryEvent
{
    /// <summary>Strictly increasing through the history; the only order that the checkers use.</summary>
    public required long Index { get; init; }

    /// <summary>The logical client; negative for the nemesis.</summary>
    public required int Process { get; init; }

    public required EventType Type { get; init; }

    /// <summary>The function (<c>f</c> in the file): get, put, txn, add, ...; see <see cref="Functions"/>.</summary>
    public required string Function { get; init; }

    public string? Key { get; init; }

    public HistoryValue Value { get; init; }

    public HistoryValue Expected { get; init; }

    /// <summary>Nanoseconds since the start of the run, by the monotonic clock of the control process.</summary>
    public required long TimeNanoseconds { get; init; }

    /// <summary>The requested read level; <c>null</c> means linearizable.</summary>
    public string? Level { get; init; }

    /// <summary>A short stable code, on fail and info.</summary>
    public string? Error { get; init; }

    /// <summary>The node that received the request.</summary>
    public string? Node { get; init; }

    /// <summary>The revision in the answer of the server.</summary>
    public long? Revision { get; init; }

    /// <summary>In the invocation of a put or a cas: the requested time to live, in nanoseconds; <c>null</c> means for ever.</summary>
    public long? TtlNanoseconds { get; init; }

    /// <summary>The line of the file, from 1; 0 for an event that was not read from a file.</summary>
    public long Line { get; init; }

    /// <summary>True for marks of the nemesis, which are not operations.</summary>
    public bool IsNemesis => Process < 0;
}

/// <summary>The functions that the checkers of this project support, by their names in the file.</summary>
public static class Functions
{
    public const string Get = "get";
    public const string Put = "put";
    public const string Delete = "delete";
    public const string CompareAndSet = "cas";
    public const string Append = "append";
    public const string Transaction = "txn";
    public const string Add = "add";
    public const string Read = "read";
    public const string Increment = "incr";
    public const string Transfer = "transfer";
    public const string Remove = "remove";
    public const string EventualGet = "eget";
    public const string EventualPut = "eput";
    public const string EventualDelete = "edelete";
    public const string Nemesis = "nemesis";
}

/// <summary>Error codes with a meaning for a checker; all others are for people.</summary>
public static class ErrorCodes
{
    /// <summary>In a failed cas: the state was not the expected one at some time during the operation.</summary>
    public const string CompareMismatch = "cas-mismatch";

    /// <summary>In a failed transaction: the values that it had read had changed.</summary>
    public const string ChangedMeanwhile = "changed-meanwhile";

    /// <summary>In a failed transfer: the account would have become negative.</summary>
    public const string Poor = "poor";

    /// <summary>The server refused a write because its identity is too old for a decision.</summary>
    public const string RequestIdExpired = "request-id-expired";

    /// <summary>True if the store, or a rule of the workload, decided; a refusal without a leader, time or session is not a decision.</summary>
    internal static bool IsDecision(string? error) => error is CompareMismatch or ChangedMeanwhile or Poor;
}
