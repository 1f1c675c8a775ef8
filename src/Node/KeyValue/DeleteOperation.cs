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

/// <summary>Delete: removes a key, on a condition if the request has one. An absent key is no error.</summary>
internal sealed class DeleteOperation() : SingleKeyWrite(needsRoom: false)
{
    public override PipeCall.OperationOneofCase Case => PipeCall.OperationOneofCase.Delete;

    public override RequestHeader? HeaderOf(PipeCall call) => call.Delete.Header;

    public override RequestHeader OwnHeaderOf(PipeCall call) => call.Delete.Header ??= new();

    public override ByteString KeyOf(PipeCall call) => call.Delete.Key;

    public override Condition? ConditionOf(PipeCall call) => call.Delete.Condition;

    public override PipeCall Copy(PipeCall call) => new() { Delete = call.Delete };

    public override Failure? Check(PipeCall call, Limits limits)
    {
        var delete = call.Delete;
        return RequestCheck.Write(delete.Header) ?? RequestCheck.Key(delete.Key, "key", limits)
            ?? RequestCheck.NoExpiry(delete.Options, "options") ?? RequestCheck.Condition(delete.Condition, "condition");
    }

    /// <summary>If a condition fails, the answer has the present value, whether it was requested or not.</summary>
    public override bool AnswersValue(PipeCall call) => call.Delete.Options is { ReturnPrevious: true } || call.Delete.Condition is not null;

    public override ShardCommand ToCommand(PipeCall call, KeyspaceDescriptor keyspace, ShardId shard, int answerBytesMax)
    {
        var delete = call.Delete;
        return new DeleteCommand(new StoredKeyspaceId(keyspace.Id.Value), delete.Key.Memory)
        {
            Stamp = CommandFields.ToStamp(delete.Header, shard),
            AnswerBytesMax = answerBytesMax,
            Condition = CommandFields.ToCondition(delete.Condition),
            ReturnPrevious = delete.Options is { ReturnPrevious: true },
            ReturnCurrent = delete.Condition is not null,
        };
    }

    protected override PipeAnswer ToAnswer(PipeCall call, ShardOutcome outcome, bool applied, ResponseHeader header) => new()
    {
        CorrelationId = call.CorrelationId,
        Delete = new DeleteResponse
        {
            Header = header,
            Applied = applied,
            Version = applied ? outcome.Version : 0,
            Existed = (applied ? outcome.PreviousVersion : outcome.Version) > 0,
            Previous = applied && call.Delete.Options is { ReturnPrevious: true } ? AnswerFields.ToState(outcome.Previous, header) : null,
            Current = applied ? null : AnswerFields.ToState(outcome.Previous, header),
        },
    };

    public override ResponseHeader? HeaderOf(PipeAnswer answer) => answer.Delete?.Header;

    protected override long ValueBytes(PipeAnswer answer) => AnswerFields.BytesOf(answer.Delete.Previous) + AnswerFields.BytesOf(answer.Delete.Current);
}

internal sealed partial class KvService
{
    public override async Task<DeleteResponse> Delete(DeleteRequest request, ServerCallContext context) =>
        (await AnswerAsync(new PipeCall { Delete = request }, context)).Delete;
}
