using KvRaft.Storage.Commands;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Schema;
using KvRaft.Storage.Sessions;
using KvRaft.Storage.State;
using KvRaft.Topology;
using KeyspaceId = KvRaft.Storage.Schema.KeyspaceId;

namespace KvRaft.Storage.Shards;

/// <content>The reads of requests. Any thread, any time; <see cref="Published"/> states what keeps them consistent.</content>
public sealed partial class ShardStateMachine
{
    /// <summary>Row keys up to this length are built on the stack.</summary>
    private const int StackBytesMax = 256;

    /// <inheritdoc/>
    public ShardStatistics Statistics
    {
        get
        {
            using var lease = Lease();
            var engine = lease.Engine.Statistics;
            var state = lease.Published.State;
            return new(
                state.Keys,
                state.DataBytes,
                state.Sessions,
                state.Outcomes,
                state.SessionBytes,
                engine.MemTableBytes,
                engine.DiskBytes,
                engine.WriteStalled);
        }
    }

    /// <inheritdoc/>
    public StoredValue? Get(KeyspaceId keyspace, ReadOnlySpan<byte> key) => Read(keyspace, key, int.MaxValue).Value;

    /// <inheritdoc/>
    public StoredRead Read(KeyspaceId keyspace, ReadOnlySpan<byte> key, int valueBytesMax)
    {
        var length = KeyLayout.DataLength(key);
        Span<byte> row = length <= StackBytesMax ? stackalloc byte[StackBytesMax] : new byte[length];
        row = row[..length];
        KeyLayout.WriteData(row, keyspace, key);

        using var lease = Lease();
        var bytesMax = (int)Math.Min((long)DataRow.HeadBytesMax + Math.Max(0, valueBytesMax), int.MaxValue);
        try
        {
            var stored = lease.Engine.Get(row, bytesMax, out var rowLength);
            AwaitPublished(lease.Engine);
            if (stored is null || DataRow.DecodeHead(stored, rowLength) is var head && !head.IsVisibleAt(lease.Published.State.Clock))
            {
                return new(null, 0, IsWhole: true);
            }

            var isWhole = head.ValueBytes <= valueBytesMax;
            return new(isWhole ? DataRow.Decode(stored) : head.WithoutBytes, head.ValueBytes, isWhole);
        }
        catch (StorageCorruptionException fault)
        {
            // The caller gets an error. The owner of this replica must be notified, or every later reader would fail in the same way.
            Tell(fault);
            throw;
        }
    }

    /// <inheritdoc/>
    public ScanPage Scan(ScanRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(request.ItemsMax);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(request.BytesMax);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(request.RowsMax);
        return Watched(request, static (machine, request) => machine.ScanNow(request));
    }

    /// <inheritdoc/>
    public RequestFate GetRequestResult(RequestStamp stamp) => Watched(stamp, static (machine, asked) => machine.FateNow(asked));

    /// <inheritdoc/>
    public KeyspaceCounters GetKeyspaceCounters(KeyspaceId keyspace) =>
        Watched(keyspace, static (machine, keyspace) => machine.CountersNow(keyspace));

    /// <inheritdoc/>
    public ulong Digest() => DigestAtPosition().Digest;

    /// <inheritdoc/>
    public (LogPosition Position, long Revision, ulong Digest) DigestAtPosition() => Watched(0, static (machine, _) => machine.DigestNow());

    /// <summary>A read that finds damage fails for its caller and notifies the owner of this replica.</summary>
    private TResult Watched<TArgument, TResult>(TArgument argument, Func<ShardStateMachine, TArgument, TResult> read)
    {
        try
        {
            return read(this, argument);
        }
        catch (StorageCorruptionException fault)
        {
            Tell(fault);
            throw;
        }
    }

    private ScanPage ScanNow(ScanRequest request)
    {
        using var lease = Lease();
        using var snapshot = lease.Engine.TakeSnapshot();
        var state = ShardState.Decode(snapshot.Get(KeyLayout.ShardState));
        AwaitPublished(state.Applied.Index);
        var from = KeyLayout.Data(request.Keyspace, request.From.Span);
        var to = KeyLayout.DataEnd(request.Keyspace, request.To.Span);
        using var rows = snapshot.Scan(from, to, request.Reverse);
        return ReadPage(request, rows, state);
    }

    private RequestFate FateNow(RequestStamp stamp)
    {
        using var lease = Lease();
        using var snapshot = lease.Engine.TakeSnapshot();
        var state = ShardState.Decode(snapshot.Get(KeyLayout.ShardState));
        AwaitPublished(state.Applied.Index);
        return SessionTable.FateOf(snapshot, state, stamp);
    }

    private KeyspaceCounters CountersNow(KeyspaceId keyspace)
    {
        using var lease = Lease();
        var row = lease.Engine.Get(KeyLayout.KeyspaceCounters(keyspace));
        AwaitPublished(lease.Engine);
        return ShardData.Counters(row);
    }

    /// <inheritdoc/>
    public DigestSource BeginDigest()
    {
        // A replaced engine is closed when its last reader has finished, and this source is one of them.
        using var lease = Lease();
        var handle = lease.Published.Handle;
        var snapshot = handle.Engine.TakeSnapshot();
        Invariant.Holds(handle.TryAcquire(), "An engine that is leased can be leased once more.");
        return new DigestSource(
            read => Watched((snapshot, read), static (_, request) => ShardDigest.Of(request.snapshot, request.read)),
            () =>
            {
                snapshot.Dispose();
                handle.Release();
            });
    }

    private (LogPosition Position, long Revision, ulong Digest) DigestNow()
    {
        using var lease = Lease();
        using var snapshot = lease.Engine.TakeSnapshot();
        var state = ShardState.Decode(snapshot.Get(KeyLayout.ShardState));
        AwaitPublished(state.Applied.Index);
        return (state.Applied, state.Revision, ShardDigest.Of(snapshot));
    }

    private static ScanPage ReadPage(ScanRequest request, IEngineCursor rows, ShardState state)
    {
        var items = new List<ScanItem>();
        var bytes = 0L;
        var rowsLeft = request.RowsMax;
        byte[]? last = null;
        while (rows.MoveNext())
        {
            if (items.Count == request.ItemsMax || bytes >= request.BytesMax || rowsLeft-- == 0)
            {
                return new(items, ResumeAfter(request, rows, last), state.Revision, state.Clock);
            }

            // Before the value is copied.
            var isWhole = request.KeysOnly || (long)rows.Key.Length + rows.Value.Length <= request.ItemBytesMax;
            if (items.Count > 0 && isWhole && !request.KeysOnly && bytes + rows.Key.Length + rows.Value.Length > request.BytesHardMax)
            {
                return new(items, ResumeAfter(request, rows, last), state.Revision, state.Clock);
            }

            last = KeyLayout.KeyOfData(rows.Key);
            var value = DataRow.Decode(rows.Value, withValue: isWhole && !request.KeysOnly);
            if (value.IsVisibleAt(state.Clock))
            {
                items.Add(new(last, value, isWhole));
                bytes += last.Length + value.Value.Length;
            }
        }

        return new(items, null, state.Revision, state.Clock);
    }

    /// <summary>A forward scan continues at the next row; a reverse one ends before the last row it read, because its end is exclusive.</summary>
    private static ReadOnlyMemory<byte>? ResumeAfter(ScanRequest request, IEngineCursor rows, byte[]? last) =>
        request.Reverse ? last : KeyLayout.KeyOfData(rows.Key);

    private EngineLease Lease()
    {
        while (true)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            var published = _published;
            if (published.Handle.TryAcquire())
            {
                return new(published);
            }
        }
    }

    /// <summary>Returns when everything that a read before this call can have seen is published.</summary>
    private void AwaitPublished(IStorageEngine engine)
    {
        if (_writing)
        {
            AwaitPublished(ShardState.Decode(engine.Get(KeyLayout.ShardState)).Applied.Index);
        }
    }

    /// <summary>The batch is in the engine, so its publication is a few instructions away.</summary>
    private void AwaitPublished(long index)
    {
        var spin = default(SpinWait);
        while (_published.State.Applied.Index < index)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }
    }
}
