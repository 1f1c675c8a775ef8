using Google.Protobuf;
using KvRaft.Storage.Commands;
using KvRaft.V1;

namespace KvRaft.Node.ShardRequests;

/// <summary>The parts of answers that several calls have. Pure.</summary>
internal static class AnswerFields
{
    public static ValueState? ToState(StoredValue? value, ResponseHeader header) => value is { } there ? ToState(there, header, keepValue: true) : null;

    /// <summary>The bytes are wrapped, not copied: a stored value that was read has no other holder.</summary>
    /// <param name="value">The record that was found.</param>
    /// <param name="header">The answer's; its time is the shard's clock.</param>
    /// <param name="keepValue">False: version and expiry only.</param>
    public static ValueState ToState(StoredValue value, ResponseHeader header, bool keepValue) => new()
    {
        Value = keepValue ? UnsafeByteOperations.UnsafeWrap(value.Value) : ByteString.Empty,
        Version = value.Version,
        ExpireAtMs = value.ExpireAtMs,
        TtlMs = value.ExpireAtMs == 0 ? 0 : Math.Max(1, value.ExpireAtMs - header.ServerTimeMs),
    };

    public static long BytesOf(ValueState? state) => state?.Value.Length ?? 0;
}
