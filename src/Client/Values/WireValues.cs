using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Client.Values;

/// <summary>Converts between the values of the client and the messages of the wire.</summary>
internal static class WireValues
{
    // Both directions avoid a copy: the protobuf library does not write to the memory, and the caller must not change it.
    public static ByteString ToWire(ReadOnlyMemory<byte> bytes) => UnsafeByteOperations.UnsafeWrap(bytes);

    public static KvEntry<TValue> Entry<TValue>(ValueState state, IKvSerializer<TValue> values) =>
        new(values.Deserialize(state.Value.Memory), state.Version, Instant(state.ExpireAtMs));

    public static KvEntry<TValue>? EntryOrNull<TValue>(ValueState? state, IKvSerializer<TValue> values) =>
        state is null ? null : Entry(state, values);

    public static DateTimeOffset? Instant(long unixMs) =>
        unixMs == 0 ? null : Moment(unixMs);

    /// <summary>
    /// The time, or the nearest time that .NET can represent: the number comes from another program, and one invalid value must not end a scan.
    /// </summary>
    public static DateTimeOffset Moment(long unixMs) => DateTimeOffset.FromUnixTimeMilliseconds(
        Math.Clamp(unixMs, DateTimeOffset.MinValue.ToUnixTimeMilliseconds(), DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()));

    /// <inheritdoc cref="Moment"/>
    public static TimeSpan Span(long milliseconds) =>
        TimeSpan.FromTicks((long)Int128.Clamp((Int128)milliseconds * TimeSpan.TicksPerMillisecond, TimeSpan.MinValue.Ticks, TimeSpan.MaxValue.Ticks));

    /// <inheritdoc cref="Moment"/>
    /// <returns>Null if negative, which stands for an unknown time.</returns>
    public static TimeSpan? SpanOrNull(long milliseconds) => milliseconds < 0 ? null : Span(milliseconds);

    /// <returns>Null if empty, which stands for an unknown or absent text.</returns>
    public static string? TextOrNull(string text) => text.Length == 0 ? null : text;

    /// <returns>Null for linearizable, which is the default of the wire format.</returns>
    public static ReadOptions? ToWire(KvConsistency consistency) => consistency.Level switch
    {
        KvConsistencyLevel.LeaderLease => new ReadOptions { LeaderLease = new() },
        KvConsistencyLevel.BoundedStaleness => new ReadOptions
        {
            Bounded = new() { MaxStalenessMs = Math.Max(1, (long)consistency.StalenessMax.TotalMilliseconds) },
        },
        KvConsistencyLevel.AtLeast when consistency.Session is { } session => new ReadOptions { AtLeast = new() { Session = session.ToWire() } },
        KvConsistencyLevel.AtLeast => new ReadOptions { AtLeast = new() { Version = consistency.Version } },
        KvConsistencyLevel.Any => new ReadOptions { Any = new() },
        _ => null,
    };

    public static KvConsistencyLevel FromWire(Consistency consistency) => consistency switch
    {
        Consistency.Linearizable => KvConsistencyLevel.Linearizable,
        Consistency.LeaderLease => KvConsistencyLevel.LeaderLease,
        Consistency.BoundedStaleness => KvConsistencyLevel.BoundedStaleness,
        Consistency.AtLeast => KvConsistencyLevel.AtLeast,

        // An answer without a level gives no guarantee.
        _ => KvConsistencyLevel.Any,
    };

    /// <returns>Null if all options have their defaults.</returns>
    public static WriteOptions? ToWire(KvExpiry expiry, bool returnPrevious = false)
    {
        if (expiry == KvExpiry.Default && !returnPrevious)
        {
            return null;
        }

        var options = new WriteOptions { ReturnPrevious = returnPrevious };
        expiry.WriteTo(options);
        return options;
    }
}
