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

/// <summary>Increment: adds to the decimal number that a key holds, within bounds if the request has them.</summary>
internal sealed class IncrementOperation() : SingleKeyWrite(needsRoom: true)
{
    public override PipeCall.OperationOneofCase Case => PipeCall.OperationOneofCase.Increment;

    public override RequestHeader? HeaderOf(PipeCall call) => call.Increment.Header;

    public override RequestHeader OwnHeaderOf(PipeCall call) => call.Increment.Header ??= new();

    public override ByteString KeyOf(PipeCall call) => call.Increment.Key;

    public override Condition? ConditionOf(PipeCall call) => call.Increment.Condition;

    public override PipeCall Copy(PipeCall call) => new() { Increment = call.Increment };

    public override Failure? Check(PipeCall call, Limits limits)
    {
        var add = call.Increment;
        return RequestCheck.Write(add.Header) ?? RequestCheck.Key(add.Key, "key", limits)
            ?? RequestCheck.NoPrevious(add.Options, "options") ?? RequestCheck.Expiry(add.Options, "options")
            ?? (add is { HasMin: true, HasMax: true } && add.Min > add.Max ? Failure.Invalid("min", "at most max") : null)
            ?? RequestCheck.Condition(add.Condition, "condition");
    }

    public override Failure? CheckIn(KeyspaceDescriptor keyspace, PipeCall call, long nowMs) => RequestCheck.ExpiryIn(keyspace, call.Increment.Options, "options", nowMs);

    public override ShardCommand ToCommand(PipeCall call, KeyspaceDescriptor keyspace, ShardId shard, int answerBytesMax)
    {
        var add = call.Increment;
        return new IncrementCommand(new StoredKeyspaceId(keyspace.Id.Value), add.Key.Memory, add.Delta)
        {
            Stamp = CommandFields.ToStamp(add.Header, shard),
            AnswerBytesMax = answerBytesMax,
            Initial = add.Initial,
            Min = add.HasMin ? add.Min : long.MinValue,
            Max = add.HasMax ? add.Max : long.MaxValue,
            Condition = CommandFields.ToCondition(add.Condition),
            Expiry = CommandFields.ExpiryOf(add.Options, keyspace),
        };
    }

    protected override PipeAnswer ToAnswer(PipeCall call, ShardOutcome outcome, bool applied, ResponseHeader header) => new()
    {
        CorrelationId = call.CorrelationId,
        Increment = new IncrementResponse
        {
            Header = header,
            Value = outcome.Counter,
            Version = outcome.Version,
            ExpireAtMs = outcome.ExpireAtMs,
            ConditionFailed = !applied,
        },
    };

    public override ResponseHeader? HeaderOf(PipeAnswer answer) => answer.Increment?.Header;
}

internal sealed partial class KvService
{
    public override async Task<IncrementResponse> Increment(IncrementRequest request, ServerCallContext context) =>
        (await AnswerAsync(new PipeCall { Increment = request }, context)).Increment;
}
