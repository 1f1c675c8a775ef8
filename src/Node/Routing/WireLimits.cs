using KvRaft.Node.Requests;
using KvRaft.Placement.State;
using KvRaft.Storage.Commands;
using KvRaft.Topology;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.Routing;

/// <summary>The limits in force, as Hello and GetLimits return them.</summary>
internal static class WireLimits
{
    public static V1.Limits Of(Limits limits) => new()
    {
        KeyBytesMax = limits.KeyBytesMax,
        ValueBytesMax = limits.ValueBytesMax,
        MessageBytesMax = limits.MessageBytesMax,
        MultiKeysMax = limits.MultiKeysMax,
        TxnOperationsMax = limits.TxnOperationsMax,
        ScanChunkBytesMax = limits.ScanChunkBytesMax,
        PipeInFlightMax = limits.PipeInFlightMax,
        TimeoutMsMax = (long)limits.TimeoutMax.TotalMilliseconds,
        SessionOutcomesMax = ShardLimits.SessionOutcomesMax,
        KeyspacesMax = PlacementLimits.KeyspacesMax,
        KeyspaceNameBytesMax = KeyspaceName.LengthMax,
        ScanKeysMax = limits.ScanKeysMax,
        DeleteRangeKeysMax = ShardLimits.DeleteRangeKeysMax,
        ConditionValueBytesMax = RequestCheck.ConditionValueBytesMax,
        RequestsInHandMax = limits.RequestsInHandMax,
        BytesInHandMax = limits.BytesInHandMax,
        TtlMsMax = ShardLimits.TtlMsMax,
        ExpireAtMsMax = ShardLimits.InstantMsMax,
        BodyBytesInHandMax = limits.BodyBytesInHandMax,
        AnswerBytesInHandMax = limits.AnswerBytesInHandMax,
    };
}
