namespace KvRaft.Raft.Log;

/// <summary>Keeps the durable mark on disk up to date, lazily. The writer's thread only.</summary>
internal sealed class DurableMarkFile(IFile file, DurableMark mark, TimeProvider time, TimeSpan interval) : IDisposable
{
    private long _writtenAt = time.GetTimestamp();
    private long _batch = mark.Batch;

    /// <summary>The batch in the file. Read by any thread.</summary>
    public long Batch => Volatile.Read(ref _batch);

    /// <summary>How long the writer may sleep: without limit if the mark is up to date.</summary>
    public TimeSpan WaitFor(long lastBatch)
    {
        if (lastBatch == mark.Batch)
        {
            return Timeout.InfiniteTimeSpan;
        }

        var left = interval - time.GetElapsedTime(_writtenAt);
        // Whole milliseconds: a shorter wait would not wait at all.
        return left > TimeSpan.FromMilliseconds(1) ? left : TimeSpan.FromMilliseconds(1);
    }

    public void WriteIfDue(long lastBatch)
    {
        if (lastBatch != mark.Batch && time.GetElapsedTime(_writtenAt) >= interval)
        {
            Write(lastBatch);
        }
    }

    /// <summary>Without a sync: if this write is lost, the mark is only older.</summary>
    public void Write(long lastBatch, bool isClosed = false)
    {
        mark = mark.Next(lastBatch, isClosed);
        mark.WriteTo(file);
        _writtenAt = time.GetTimestamp();
        Volatile.Write(ref _batch, lastBatch);
    }

    public void WriteAndSync(long lastBatch, bool isClosed)
    {
        Write(lastBatch, isClosed);
        file.FlushData();
    }

    public void Dispose() => file.Dispose();
}
