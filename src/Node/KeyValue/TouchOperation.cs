using Google.Protobuf;
using Grpc.Core;
using KvRaft.Node.Requests;
using KvRaft.Node.ShardRequests;
using KvRaft.Storage.Commands;
using KvRaft.Topology;
using KvRaft.V1;
using Condition = KvRaft.V1.Condition;
using Limits = KvRaft.Node.Options.Limits;
using StoredKeyspaceId = KvRaft.Storage.Schema.KeyspaceId;
using WriteOptions = KvRaft.V1.WriteOptions;

namespace KvRaft.Node.KeyValue;

/// <summary>Touch: sets a new expiry of a key, and keeps its value.</summary>
internal sealed class TouchOperation() : SingleKeyWrite(needsRoom: false, rewritesValue: true)
{
    public override PipeCall.OperationOneofCase Case => PipeCall.OperationOneofCase.Touch;

    public override RequestHeader? HeaderOf(PipeCall call) => call.Touch.Header;

    public override RequestHeader OwnHeaderOf(PipeCall call) => call.Touch.Header ??= new();

    public override ByteString KeyOf(PipeCall call) => call.Touch.Key;

    public override Condition? ConditionOf(PipeCall call) => call.Touch.Condition;

    public override PipeCall Copy(PipeCall call) => new() { Touch = call.Touch };

    public override Failure? Check(PipeCall call, Limits limits)
    {
        var touch = call.Touch;
        return RequestCheck.Write(touch.Header) ?? RequestCheck.Key(touch.Key, "key", limits) ?? RequestCheck.NoPrevious(touch.Options, "options")
            ?? (touch.Options is null or { ExpiryCase: WriteOptions.ExpiryOneofCase.None } ? Failure.Invalid("options", "ttl_ms, expire_at_ms or no_expiry") : null)
            ?? RequestCheck.Expiry(touch.Options, "options") ?? RequestCheck.Condition(touch.Condition, "condition");
    }

    public override Failure? CheckIn(KeyspaceDescriptor keyspace, PipeCall call, long nowMs) => RequestCheck.ExpiryIn(keyspace, call.Touch.Options, "options", nowMs);

    public override ShardCommand ToCommand(PipeCall call, KeyspaceDescriptor keyspace, ShardId shard, int answerBytesMax)
    {
        var touch = call.Touch;
        return new TouchCommand(new StoredKeyspaceId(keyspace.Id.Value), touch.Key.Memory, CommandFields.ExpiryOf(touch.Options, keyspace))
        {
            Stamp = CommandFields.ToStamp(touch.Header, shard),
            AnswerBytesMax = answerBytesMax,
            Condition = CommandFields.ToCondition(touch.Condition),
        };
    }

    protected override PipeAnswer ToAnswer(PipeCall call, ShardOutcome outcome, bool applied, ResponseHeader header) => new()
    {
        CorrelationId = call.CorrelationId,
        Touch = new TouchResponse
        {
            Header = header,
            Applied = applied,
            Found = applied || outcome.Version > 0,
            Version = outcome.Version,
            ExpireAtMs = outcome.ExpireAtMs,
        },
    };

    public override ResponseHeader? HeaderOf(PipeAnswer answer) => answer.Touch?.Header;
}

internal sealed partial class KvService
{
    public override async Task<TouchResponse> Touch(TouchRequest request, ServerCallContext context) =>
        (await AnswerAsync(new PipeCall { Touch = request }, context)).Touch;
}
