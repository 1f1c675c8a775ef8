using Google.Protobuf;
using KvRaft.Node.Requests;
using KvRaft.V1;
using Limits = KvRaft.Node.Options.Limits;

namespace KvRaft.Node.ShardRequests;

/// <summary>
/// What the path of all single-key operations uses of one of them: its limits, and where its parts are in the messages of a pipe, which unary calls use too. Each operation is one file in
/// <c>KeyValue</c>, and is listed in its table. An operation has no state, and its methods return at once; on the hot path they allocate nothing but their result.
/// </summary>
internal abstract class SingleKeyOperation
{
    /// <summary>The field of a pipe call that carries it.</summary>
    public abstract PipeCall.OperationOneofCase Case { get; }

    public abstract bool IsWrite { get; }

    /// <summary>The header; null if the caller sent none.</summary>
    public abstract RequestHeader? HeaderOf(PipeCall call);

    /// <summary>The header, created if it is missing, for a node that adds to it.</summary>
    public abstract RequestHeader OwnHeaderOf(PipeCall call);

    public abstract ByteString KeyOf(PipeCall call);

    /// <summary>The same operation in a call of its own, which has no correlation id yet; shares the operation's message.</summary>
    public abstract PipeCall Copy(PipeCall call);

    /// <summary>The mistake in a call, whatever its keyspace is; null if there is none. It allocates only for a mistake.</summary>
    public abstract Failure? Check(PipeCall call, Limits limits);

    /// <summary>The answer may carry a value.</summary>
    public virtual bool AnswersValue(PipeCall call) => false;

    /// <summary>The header of an answer; null if the answer is an error.</summary>
    public abstract ResponseHeader? HeaderOf(PipeAnswer answer);

    /// <summary>Bytes of the values or of the error in an answer: the part of its window that it holds.</summary>
    public long HeldBytes(PipeAnswer answer) => answer.Error is { } error ? error.CalculateSize() : ValueBytes(answer);

    /// <summary>Bytes of the values in an answer that is no error.</summary>
    protected virtual long ValueBytes(PipeAnswer answer) => 0;

    /// <summary>The answer of a call that failed.</summary>
    public static PipeAnswer ToAnswer(PipeCall call, Failure failure) =>
        new() { CorrelationId = call.CorrelationId, Error = RpcStatus.ToDetail(failure) };
}
