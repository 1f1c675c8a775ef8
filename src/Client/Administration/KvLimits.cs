using KvRaft.Client.Values;
using KvRaft.V1;

namespace KvRaft.Client;

/// <summary>What a node refuses to exceed. A LIMIT_EXCEEDED error names the limit. Bytes unless a unit is named.</summary>
public sealed record KvLimits
{
    public required int KeyBytesMax { get; init; }

    public required int ValueBytesMax { get; init; }

    /// <summary>One encoded request or answer.</summary>
    public required int MessageBytesMax { get; init; }

    /// <summary>Keys of one multi-get or multi-set.</summary>
    public required int MultiKeysMax { get; init; }

    public required int TransactionOperationsMax { get; init; }

    public required int ScanChunkBytesMax { get; init; }

    /// <summary>Keys that one page of a scan examines, expired ones included.</summary>
    public required int ScanKeysMax { get; init; }

    /// <summary>Keys that one delete-range deletes.</summary>
    public required int DeleteRangeKeysMax { get; init; }

    /// <summary>Calls of one pipe that wait for an answer.</summary>
    public required int PipeInFlightMax { get; init; }

    /// <summary>The longest time a request may take; longer deadlines are cut to it.</summary>
    public required TimeSpan TimeoutMax { get; init; }

    /// <summary>Outcomes that a shard remembers for each session.</summary>
    public required int SessionOutcomesMax { get; init; }

    public required int KeyspacesMax { get; init; }

    public required int KeyspaceNameBytesMax { get; init; }

    /// <summary>A value in a condition; a longer one is named by its SHA-256.</summary>
    public required int ConditionValueBytesMax { get; init; }

    /// <summary>Operations that a node executes at once, of all callers.</summary>
    public required int RequestsInHandMax { get; init; }

    public required long BytesInHandMax { get; init; }

    /// <summary>Values that a node holds for answers, of all callers.</summary>
    public required long AnswerBytesInHandMax { get; init; }

    public required TimeSpan TimeToLiveMax { get; init; }

    /// <summary>The latest instant at which a value may expire.</summary>
    public required DateTimeOffset ExpiresAtMax { get; init; }

    internal static KvLimits From(Limits limits) => new()
    {
        KeyBytesMax = limits.KeyBytesMax,
        ValueBytesMax = limits.ValueBytesMax,
        MessageBytesMax = limits.MessageBytesMax,
        MultiKeysMax = limits.MultiKeysMax,
        TransactionOperationsMax = limits.TxnOperationsMax,
        ScanChunkBytesMax = limits.ScanChunkBytesMax,
        ScanKeysMax = limits.ScanKeysMax,
        DeleteRangeKeysMax = limits.DeleteRangeKeysMax,
        PipeInFlightMax = limits.PipeInFlightMax,
        TimeoutMax = WireValues.Span(limits.TimeoutMsMax),
        SessionOutcomesMax = limits.SessionOutcomesMax,
        KeyspacesMax = limits.KeyspacesMax,
        KeyspaceNameBytesMax = limits.KeyspaceNameBytesMax,
        ConditionValueBytesMax = limits.ConditionValueBytesMax,
        RequestsInHandMax = limits.RequestsInHandMax,
        BytesInHandMax = limits.BytesInHandMax,
        AnswerBytesInHandMax = limits.AnswerBytesInHandMax,
        TimeToLiveMax = WireValues.Span(limits.TtlMsMax),
        ExpiresAtMax = WireValues.Moment(limits.ExpireAtMsMax),
    };
}
