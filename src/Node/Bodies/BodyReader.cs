using System.Buffers;
using System.IO.Pipelines;
using Grpc.Core;
using KvRaft.Node.Requests;
using KvRaft.V1;

namespace KvRaft.Node.Bodies;

/// <summary>
/// The body of a gRPC call whose bytes are counted on arrival. gRPC waits in its reader until a whole message is there, so bytes that the reader has seen and not consumed are held in
/// memory. Bytes that do not fit, or that are no frame of a message (<see cref="MessageFrame"/>), are dropped, and the call ends with the refusal.
/// </summary>
/// <param name="inner">The body.</param>
/// <param name="body">The bytes that it holds.</param>
/// <param name="context">The call.</param>
/// <param name="isStream">
/// Messages are read one after the other, and count until they are read: the code that reads them limits its own calls in progress. Otherwise the one message counts until the call has ended.
/// </param>
/// <param name="messageBytesMax">Bytes of a message.</param>
internal sealed class BodyReader(PipeReader inner, RequestBody body, HttpContext context, bool isStream, int messageBytesMax) : PipeReader
{
    private ReadOnlySequence<byte> _read;
    private long _consumed;
    private bool _isMessageRead;

    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        var reading = inner.ReadAsync(cancellationToken);
        if (reading.IsCompleted)
        {
            return Take(await reading);
        }

        using var wait = body.Await(context.Abort);
        return Take(await reading);
    }

    public override bool TryRead(out ReadResult result)
    {
        if (!inner.TryRead(out result))
        {
            return false;
        }

        result = Take(result);
        return true;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        var left = _read.Slice(consumed).Length;
        _consumed += isStream ? 0 : _read.Length - left;
        _isMessageRead |= _consumed > 0;
        _read = default;
        inner.AdvanceTo(consumed, examined);

        // Never more than before, so it is not refused.
        _ = body.TryHold(_consumed + left);
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    private ReadResult Take(ReadResult result)
    {
        _read = result.Buffer;
        var refusal = (result.IsCanceled ? null : MistakeIn(result)) ?? body.TryHold(_consumed + _read.Length);
        if (refusal is null)
        {
            return result;
        }

        inner.AdvanceTo(_read.End);
        _read = default;

        // Earlier messages of a stream may have been executed, and have their own answers.
        throw RpcStatus.ToException(isStream && refusal.Execution == Execution.NotExecuted ? refusal with { Execution = Execution.Unknown } : refusal);
    }

    /// <summary>gRPC consumes whole messages only, so what has arrived begins with one.</summary>
    private Failure? MistakeIn(in ReadResult result) => _isMessageRead
        ? result.Buffer.IsEmpty ? null : MessageFrame.More
        : MessageFrame.Mistake(result.Buffer, result.IsCompleted, isStream, messageBytesMax);
}
