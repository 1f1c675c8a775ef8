using Google.Protobuf;
using KvRaft.Node.Requests;
using KvRaft.Node.ShardRequests;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.KeyValue;

/// <summary>A call without an operation, or with one of a newer version: it is refused. Its outcome counts as that of a write: unknown rather than not executed.</summary>
/// <param name="names">The operations that there are.</param>
internal sealed class NoOperation(string names) : SingleKeyOperation
{
    public override PipeCall.OperationOneofCase Case => PipeCall.OperationOneofCase.None;

    public override bool IsWrite => true;

    public override RequestHeader? HeaderOf(PipeCall call) => null;

    public override RequestHeader OwnHeaderOf(PipeCall call) => throw new ArgumentException("a call without an operation has no header", nameof(call));

    public override ByteString KeyOf(PipeCall call) => ByteString.Empty;

    public override PipeCall Copy(PipeCall call) => new();

    public override Failure? Check(PipeCall call, Limits limits) => Failure.Invalid("operation", $"one of {names}");

    public override ResponseHeader? HeaderOf(PipeAnswer answer) => null;
}
