using Google.Protobuf;
using Grpc.Core;
using KvRaft.Node.Requests;
using KvRaft.Node.ShardRequests;
using KvRaft.Storage.Commands;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.KeyValue;

/// <summary>Get: reads the value of a key, or only its version and expiry.</summary>
internal sealed class GetOperation : SingleKeyRead
{
    public override PipeCall.OperationOneofCase Case => PipeCall.OperationOneofCase.Get;

    public override RequestHeader? HeaderOf(PipeCall call) => call.Get.Header;

    public override RequestHeader OwnHeaderOf(PipeCall call) => call.Get.Header ??= new();

    public override ByteString KeyOf(PipeCall call) => call.Get.Key;

    public override ReadOptions? OptionsOf(PipeCall call) => call.Get.Options;

    public override PipeCall Copy(PipeCall call) => new() { Get = call.Get };

    public override Failure? Check(PipeCall call, Limits limits)
    {
        var get = call.Get;
        return RequestCheck.Header(get.Header) ?? RequestCheck.Key(get.Key, "key", limits) ?? RequestCheck.ReadOptions(get.Options)
            ?? (get.IfVersionNot < 0 ? Failure.Invalid("if_version_not", "not negative") : null);
    }

    public override bool AnswersValue(PipeCall call) => !call.Get.HeadOnly;

    public override bool NeedsValue(PipeCall call, StoredValue found) => !call.Get.HeadOnly && call.Get.IfVersionNot != found.Version;

    public override PipeAnswer ToAnswer(PipeCall call, StoredValue? found, ResponseHeader header)
    {
        var response = new GetResponse { Header = header, Found = found is not null };
        if (found is { } value)
        {
            response.NotModified = call.Get.IfVersionNot == value.Version;
            response.Current = AnswerFields.ToState(value, header, keepValue: NeedsValue(call, value));
        }

        return new PipeAnswer { CorrelationId = call.CorrelationId, Get = response };
    }

    public override ResponseHeader? HeaderOf(PipeAnswer answer) => answer.Get?.Header;

    protected override long ValueBytes(PipeAnswer answer) => AnswerFields.BytesOf(answer.Get.Current);
}

internal sealed partial class KvService
{
    public override async Task<GetResponse> Get(GetRequest request, ServerCallContext context) =>
        (await AnswerAsync(new PipeCall { Get = request }, context)).Get;
}
