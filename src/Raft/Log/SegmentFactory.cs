using KvRaft.Storage;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Log;

/// <summary>
/// Makes segment files: zeros and header are written and synced under a temporary name, so that a file with a segment's name is
/// always complete. The next segment is prepared in the background while the current one fills.
/// <para>
/// If the disk is too full for a segment, this is not a failure: the partial file is deleted, and a later attempt follows (<see cref="Prepare"/>). Until then the log accepts no
/// entries (<see cref="IsOutOfRoom"/>), and the rest of the current segment is used for votes and configurations. If even that is used up, the writer waits.
/// </para>
/// </summary>
internal sealed class SegmentFactory(IFileSystem fs, string directory, LogIdentity identity, NodeLogOptions options, BackgroundWork background, ILogger logger)
{
    public const string TemporaryExtension = ".tmp";

    private readonly object _gate = new();
    private Segment? _prepared;
    private long _preparing;

    /// <summary>The writer has taken this segment, or makes it itself: the background must not make it under the same name.</summary>
    private long _taken;
    private bool _isStopped;
    private bool _isClosing;
    private volatile bool _isOutOfRoom;

    /// <summary>How long the writer waits before its next attempt to make a segment on a full disk.</summary>
    private static readonly TimeSpan RetryPeriod = TimeSpan.FromSeconds(1);

    /// <summary>The segment after the current one could not be made because the disk is full, and was not made since.</summary>
    public bool IsOutOfRoom => _isOutOfRoom;

    /// <summary>A segment is being made in the background: whether the disk has space for it is not determined yet.</summary>
    public bool IsPreparing
    {
        get
        {
            lock (_gate)
            {
                return _preparing != 0;
            }
        }
    }

    /// <summary>Adopts an empty segment that was found at the start.</summary>
    public void Offer(Segment segment)
    {
        lock (_gate)
        {
            _prepared = segment;
        }
    }

    /// <summary>Starts making segment <paramref name="number"/> in the background, unless it exists.</summary>
    public void Prepare(long number)
    {
        lock (_gate)
        {
            if (_prepared?.Number == number || _preparing == number || number <= _taken)
            {
                return;
            }

            _preparing = number;
        }

        background.Enqueue(() =>
        {
            var segment = TryCreate(number, options.SegmentBytes);
            lock (_gate)
            {
                _prepared = segment;
                _preparing = 0;
                Monitor.PulseAll(_gate);
            }
        });
    }

    /// <summary>Returns segment <paramref name="number"/>, at least as long as requested; waits for it if it is being made.</summary>
    /// <exception cref="IOException">The segment could not be made.</exception>
    public Segment Take(long number, long bytesMin)
    {
        Segment? prepared;
        lock (_gate)
        {
            while (_preparing == number && !_isStopped)
            {
                Monitor.Wait(_gate);
            }

            if (_isStopped)
            {
                throw new IOException("The next segment could not be prepared.", background.Failure);
            }

            prepared = _prepared;
            _prepared = null;
            _taken = number;
        }

        if (prepared?.Number == number && prepared.Size >= bytesMin)
        {
            return prepared;
        }

        // A rename over the file that is too small keeps the number.
        prepared?.Release();
        return CreateOrWait(number, Math.Max(bytesMin, options.SegmentBytes));
    }

    /// <summary>The log is closing: a writer no longer waits for space.</summary>
    public void StopWaiting()
    {
        lock (_gate)
        {
            _isClosing = true;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The writer's last resort: none of the waiting records is acknowledged, and none is lost.</summary>
    private Segment CreateOrWait(long number, long bytes)
    {
        while (true)
        {
            if (TryCreate(number, bytes) is { } segment)
            {
                return segment;
            }

            lock (_gate)
            {
                if (options.IsManual || _isStopped || _isClosing)
                {
                    throw new LogOutOfRoomException(fs.FreeBytes(directory));
                }

                Monitor.Wait(_gate, RetryPeriod);
            }
        }
    }

    /// <summary>Null: the disk has no space for it.</summary>
    private Segment? TryCreate(long number, long bytes)
    {
        try
        {
            // Free space is checked first: zeros written until the disk is full would leave no space for the engines' flushes, once a second.
            if (fs.FreeBytes(directory) is var free && free < bytes)
            {
                throw new LogOutOfRoomException(free);
            }

            var segment = Create(number, bytes);
            if (_isOutOfRoom)
            {
                _isOutOfRoom = false;
                logger.HasRoom(number);
            }

            return segment;
        }
        catch (IOException full) when (full is LogOutOfRoomException || FullDisk.Is(full))
        {
            Discard(Path.Combine(directory, Segment.NameOf(number)) + TemporaryExtension);
            if (!_isOutOfRoom)
            {
                _isOutOfRoom = true;
                logger.NoRoom(number, bytes, full.Message);
            }

            return null;
        }
    }

    private void Discard(string temporary)
    {
        try
        {
            // Other writers need the disk space of the partial file.
            fs.Delete(temporary);
        }
        catch (IOException)
        {
            // The next attempt overwrites it, and the next start deletes it.
        }
    }

    /// <summary>Ends every wait in <see cref="Take"/>: the background work ended.</summary>
    public void Stop()
    {
        Segment? prepared;
        lock (_gate)
        {
            _isStopped = true;
            prepared = _prepared;
            _prepared = null;
            Monitor.PulseAll(_gate);
        }

        prepared?.Release();
    }

    public Segment Create(long number, long bytes)
    {
        // Whole sectors, so that the checks of two segments do not differ by alignment.
        var size = (bytes + SegmentHeader.Bytes - 1) / SegmentHeader.Bytes * SegmentHeader.Bytes;
        var header = new SegmentHeader(number, size, options.Salt(), identity);
        var path = Path.Combine(directory, Segment.NameOf(number));
        var temporary = path + TemporaryExtension;
        var file = fs.Open(temporary, FileOpening.Create);
        try
        {
            WriteZeros(file, size);
            Span<byte> bytesOfHeader = stackalloc byte[SegmentHeader.Bytes];
            header.Write(bytesOfHeader);
            file.Write(0, bytesOfHeader);
            file.FlushData();
        }
        finally
        {
            file.Dispose();
        }

        fs.Rename(temporary, path);
        fs.SyncDirectory(directory);

        // Opened again, so that the error of a later write contains the name of its file.
        return new Segment(header, path, fs.Open(path, FileOpening.ReadWrite));
    }

    private static void WriteZeros(IFile file, long size)
    {
        // In steps with a sync each: one large sync would delay the writer's own syncs.
        var zeros = new byte[Math.Min(size, 1 << 20)];
        for (long offset = 0; offset < size; offset += zeros.Length)
        {
            file.Write(offset, zeros.AsSpan(0, (int)Math.Min(zeros.Length, size - offset)));
            if (offset + zeros.Length < size)
            {
                file.FlushData();
            }
        }
    }
}
