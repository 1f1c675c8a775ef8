using Google.Protobuf;
using KvRaft.V1;
using Operation = KvRaft.V1.PipeCall.OperationOneofCase;

namespace KvRaft.Node.Requests;

/// <summary>The common parts of the five single-key operations, whichever of them a call carries.</summary>
internal static class PipeCalls
{
    /// <summary>The header; null if the caller sent none.</summary>
    public static RequestHeader? Header(this PipeCall call) => call.OperationCase switch
    {
        Operation.Get => call.Get.Header,
        Operation.Put => call.Put.Header,
        Operation.Delete => call.Delete.Header,
        Operation.Increment => call.Increment.Header,
        Operation.Touch => call.Touch.Header,
        _ => null,
    };

    /// <summary>The header, created if it is missing, for a node that adds to it.</summary>
    public static RequestHeader OwnHeader(this PipeCall call) => call.OperationCase switch
    {
        Operation.Get => call.Get.Header ??= new(),
        Operation.Put => call.Put.Header ??= new(),
        Operation.Delete => call.Delete.Header ??= new(),
        Operation.Increment => call.Increment.Header ??= new(),
        Operation.Touch => call.Touch.Header ??= new(),
        _ => throw new ArgumentException("a call without an operation has no header", nameof(call)),
    };

    public static ByteString Key(this PipeCall call) => call.OperationCase switch
    {
        Operation.Get => call.Get.Key,
        Operation.Put => call.Put.Key,
        Operation.Delete => call.Delete.Key,
        Operation.Increment => call.Increment.Key,
        Operation.Touch => call.Touch.Key,
        _ => ByteString.Empty,
    };

    /// <summary>
    /// The bytes that a call holds while it is in progress: its size on the wire. Key and value are most of it in a usual call, but any field of a message may be as long as the
    /// message.
    /// </summary>
    public static int WireBytes(this PipeCall call) => call.CalculateSize();

    public static bool IsWrite(this PipeCall call) => call.OperationCase != Operation.Get;

    /// <summary>The answer may carry a value.</summary>
    public static bool AnswersValue(this PipeCall call) => call.OperationCase switch
    {
        Operation.Get => !call.Get.HeadOnly,
        Operation.Put => call.Put.Options is { ReturnPrevious: true } || call.Put.Condition is not null,
        Operation.Delete => call.Delete.Options is { ReturnPrevious: true } || call.Delete.Condition is not null,
        _ => false,
    };

    /// <summary>The call may make the store larger, and is refused when the disk is nearly full. A delete and a new expiry do not.</summary>
    public static bool NeedsRoom(this PipeCall call) => call.OperationCase is Operation.Put or Operation.Increment;

    /// <summary>The same operation under another correlation id; shares the operation's message.</summary>
    public static PipeCall Under(this PipeCall call, long correlationId)
    {
        var copy = new PipeCall { CorrelationId = correlationId };
        switch (call.OperationCase)
        {
            case Operation.Get: copy.Get = call.Get; break;
            case Operation.Put: copy.Put = call.Put; break;
            case Operation.Delete: copy.Delete = call.Delete; break;
            case Operation.Increment: copy.Increment = call.Increment; break;
            case Operation.Touch: copy.Touch = call.Touch; break;
        }

        return copy;
    }
}
