namespace KvRaft.Raft.Log;

/// <summary>A record in transit to the writer.</summary>
/// <param name="Group">The group of the record.</param>
/// <param name="Kind">The kind of the record.</param>
/// <param name="Detail">The detail byte (<see cref="RecordHeader.Detail"/>).</param>
/// <param name="Ticket">Counts the group's queued records.</param>
/// <param name="Position">Of an entry: its position.</param>
/// <param name="Payload">Of an entry: its payload.</param>
/// <param name="State">Of a state record: the state.</param>
internal readonly record struct PendingRecord(
    GroupLog Group,
    RecordKind Kind,
    byte Detail,
    long Ticket,
    Storage.LogPosition Position,
    ReadOnlyMemory<byte> Payload,
    GroupState? State)
{
    public int Bytes => RecordHeader.BytesFor(Kind switch
    {
        RecordKind.Entry => Payload.Length,
        RecordKind.State => State!.PayloadBytes,
        _ => 0,
    });
}

/// <summary>All records that wait for the writer, in order. Unbounded: callers are limited by their wait for durability.</summary>
internal sealed class LogQueue
{
    private readonly object _gate = new();
    private List<PendingRecord> _pending = [];
    private bool _isClosed;
    private Exception? _failure;
    private long _bytesUnwritten;

    /// <summary>Bytes of records that were added and are not on disk yet.</summary>
    public long BytesUnwritten => Interlocked.Read(ref _bytesUnwritten);

    /// <summary>The writer has synced this many of the added bytes.</summary>
    public void Written(long bytes) => Interlocked.Add(ref _bytesUnwritten, -bytes);

    /// <exception cref="LogFailedException">The log failed.</exception>
    /// <exception cref="ObjectDisposedException">The log was closed.</exception>
    public void Add(in PendingRecord record)
    {
        lock (_gate)
        {
            ThrowIfUnusable();
            _pending.Add(record);
            Interlocked.Add(ref _bytesUnwritten, record.Bytes);
            if (_pending.Count == 1)
            {
                Monitor.Pulse(_gate);
            }
        }
    }

    public void ThrowIfUnusable()
    {
        lock (_gate)
        {
            if (_failure is not null)
            {
                throw new LogFailedException(_failure);
            }

            ObjectDisposedException.ThrowIf(_isClosed, typeof(NodeLog));
        }
    }

    /// <summary>
    /// Exchanges <paramref name="taken"/>, which is empty, for all waiting records; waits for a record at most as long as <paramref name="wait"/>
    /// (infinite is allowed).
    /// </summary>
    /// <returns>False if the queue is closed and empty.</returns>
    public bool Take(ref List<PendingRecord> taken, TimeSpan wait)
    {
        lock (_gate)
        {
            if (_pending.Count == 0 && !_isClosed && wait != TimeSpan.Zero)
            {
                Monitor.Wait(_gate, wait);
            }

            (taken, _pending) = (_pending, taken);
            return taken.Count > 0 || !_isClosed;
        }
    }

    public void Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            Monitor.Pulse(_gate);
        }
    }

    public void Fail(Exception cause)
    {
        lock (_gate)
        {
            _failure ??= cause;
            _isClosed = true;
            _pending.Clear();
            Monitor.Pulse(_gate);
        }
    }
}
