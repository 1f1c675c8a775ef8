using Google.Protobuf;
using KvRaft.V1;

namespace KvRaft.Client.Keyspaces;

/// <summary>Translates between the client's values and the wire's.</summary>
internal static class WireValues
{
    // Both ways without copying: the wire library promises not to write to it, and the caller not to change it.
    public static ByteString ToWire(ReadOnlyMemory<byte> bytes) => UnsafeByteOperations.UnsafeWrap(bytes);

    public static KvEntry<TValue> Entry<TValue>(ValueState state, IKvSerializer<TValue> values) =>
        new(values.Deserialize(state.Value.Memory), state.Version, Instant(state.ExpireAtMs));

    public static KvEntry<TValue>? EntryOrNull<TValue>(ValueState? state, IKvSerializer<TValue> values) =>
        state is null ? null : Entry(state, values);

    public static DateTimeOffset? Instant(long expireAtMs) =>
        expireAtMs == 0 ? null : Moment(expireAtMs);

    /// <summary>
    /// The instant, or the nearest that .NET can represent: what a node answers is another program's number, and one absurd value must not end a scan.
    /// </summary>
    public static DateTimeOffset Moment(long unixMs) => DateTimeOffset.FromUnixTimeMilliseconds(
        Math.Clamp(unixMs, DateTimeOffset.MinValue.ToUnixTimeMilliseconds(), DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()));

    /// <inheritdoc cref="Moment"/>
    public static TimeSpan Span(long milliseconds) =>
        TimeSpan.FromTicks((long)Int128.Clamp((Int128)milliseconds * TimeSpan.TicksPerMillisecond, TimeSpan.MinValue.Ticks, TimeSpan.MaxValue.Ticks));

    /// <returns>Null for linearizable, which is what nothing means.</returns>
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

        // A node that does not say has promised nothing.
        _ => KvConsistencyLevel.Any,
    };

    /// <returns>Null if there is nothing to say.</returns>
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
