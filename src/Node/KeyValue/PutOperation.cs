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

namespace KvRaft.Node.KeyValue;

/// <summary>Put: writes the value of a key, on a condition if the request has one.</summary>
internal sealed class PutOperation() : SingleKeyWrite(needsRoom: true)
{
    public override PipeCall.OperationOneofCase Case => PipeCall.OperationOneofCase.Put;

    public override RequestHeader? HeaderOf(PipeCall call) => call.Put.Header;

    public override RequestHeader OwnHeaderOf(PipeCall call) => call.Put.Header ??= new();

    public override ByteString KeyOf(PipeCall call) => call.Put.Key;

    public override Condition? ConditionOf(PipeCall call) => call.Put.Condition;

    public override PipeCall Copy(PipeCall call) => new() { Put = call.Put };

    public override Failure? Check(PipeCall call, Limits limits)
    {
        var put = call.Put;
        return RequestCheck.Write(put.Header) ?? RequestCheck.Key(put.Key, "key", limits) ?? RequestCheck.Value(put.Value, "value", limits)
            ?? RequestCheck.Expiry(put.Options, "options") ?? RequestCheck.Condition(put.Condition, "condition");
    }

    public override Failure? CheckIn(KeyspaceDescriptor keyspace, PipeCall call, long nowMs) =>
        RequestCheck.ValueIn(keyspace, call.Put.Value) ?? RequestCheck.ExpiryIn(keyspace, call.Put.Options, "options", nowMs);

    /// <summary>If a condition fails, the answer has the present value, whether it was requested or not.</summary>
    public override bool AnswersValue(PipeCall call) => call.Put.Options is { ReturnPrevious: true } || call.Put.Condition is not null;

    public override ShardCommand ToCommand(PipeCall call, KeyspaceDescriptor keyspace, ShardId shard, int answerBytesMax)
    {
        var put = call.Put;
        return new PutCommand(new StoredKeyspaceId(keyspace.Id.Value), put.Key.Memory, put.Value.Memory)
        {
            Stamp = CommandFields.ToStamp(put.Header, shard),
            AnswerBytesMax = answerBytesMax,
            Condition = CommandFields.ToCondition(put.Condition),
            Expiry = CommandFields.ExpiryOf(put.Options, keyspace),
            ReturnPrevious = put.Options is { ReturnPrevious: true },
            ReturnCurrent = put.Condition is not null,
        };
    }

    protected override PipeAnswer ToAnswer(PipeCall call, ShardOutcome outcome, bool applied, ResponseHeader header) => new()
    {
        CorrelationId = call.CorrelationId,
        Put = new PutResponse
        {
            Header = header,
            Applied = applied,
            Version = applied ? outcome.Version : 0,
            Previous = applied && call.Put.Options is { ReturnPrevious: true } ? AnswerFields.ToState(outcome.Previous, header) : null,
            Current = applied ? null : AnswerFields.ToState(outcome.Previous, header),
            ExpireAtMs = outcome.ExpireAtMs,
        },
    };

    public override ResponseHeader? HeaderOf(PipeAnswer answer) => answer.Put?.Header;

    protected override long ValueBytes(PipeAnswer answer) => AnswerFields.BytesOf(answer.Put.Previous) + AnswerFields.BytesOf(answer.Put.Current);
}

internal sealed partial class KvService
{
    public override async Task<PutResponse> Put(PutRequest request, ServerCallContext context) =>
        (await AnswerAsync(new PipeCall { Put = request }, context)).Put;

    public override Task<PutResponse> PutIfExpected(PutRequest request, ServerCallContext context) =>
        request.Condition is null
            ? throw RpcStatus.ToException(Failure.Invalid("condition", "must be set; use Put to write unconditionally"))
            : Put(request, context);
}
