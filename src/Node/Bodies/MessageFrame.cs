using System.Buffers;
using System.Buffers.Binary;
using KvRaft.Node.Options;
using KvRaft.Node.Requests;

namespace KvRaft.Node.Bodies;

/// <summary>
/// The rules for the frame of a gRPC message: a flag, a length of four bytes, the message. gRPC refuses a frame that breaks one before KvRaft's code sees it, with a bare status that has
/// neither reason nor limit, and that clients take for an overload or for a fault of the node. Pure.
/// </summary>
internal static class MessageFrame
{
    /// <summary>A flag and a length of four bytes stand before every message (gRPC over HTTP/2, Length-Prefixed-Message).</summary>
    private const int PrefixBytes = 5;

    private const string Field = "message";

    /// <summary>The mistake in what has arrived; null if there is none so far.</summary>
    /// <param name="arrived">From the beginning of a message on; empty after the one message of a unary call.</param>
    /// <param name="isComplete">Nothing follows.</param>
    /// <param name="isStream">Other messages may follow, and there may be none.</param>
    /// <param name="bytesMax">Bytes of a message.</param>
    public static Failure? Mistake(in ReadOnlySequence<byte> arrived, bool isComplete, bool isStream, int bytesMax)
    {
        if (arrived.Length < PrefixBytes)
        {
            return !isComplete || (isStream && arrived.IsEmpty) ? null : Failure.Invalid(Field, arrived.IsEmpty ? "the request has none" : "it is incomplete");
        }

        Span<byte> prefix = stackalloc byte[PrefixBytes];
        arrived.Slice(0, PrefixBytes).CopyTo(prefix);
        long bytes = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        return prefix[0] > 1 ? Failure.Invalid(Field, $"its first byte is {prefix[0]}; 0 is a plain message, 1 a compressed one")
            : bytes > bytesMax ? Failure.Limit(new LimitExceeded(Field, "limits.messageBytesMax", bytesMax, bytes))
            : isComplete && arrived.Length < PrefixBytes + bytes ? Failure.Invalid(Field, "it is incomplete")
            : !isStream && arrived.Length > PrefixBytes + bytes ? More
            : null;
    }

    /// <summary>Bytes after the one message of a call.</summary>
    public static Failure More { get; } = Failure.Invalid(Field, "the call takes one, and more bytes follow");
}
