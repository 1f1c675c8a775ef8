using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Log;

/// <summary>
/// Reads the files at the start, classifies their content with <see cref="LogReplay"/>, and prepares the end of the log for new
/// writes. A torn tail is zeroed and synced before any other write, so that none of its bytes can be read as a record
/// of a later batch.
/// <para>
/// Data that was read is not necessarily on disk: a process that died may have left pages unsynced, and after a failed sync the
/// system treats pages as clean that never reached the disk. So unless the log was closed properly, the last batch is written
/// again, and so are all zeros behind it; otherwise an old torn batch could reappear there.
/// </para>
/// </summary>
internal sealed class LogRecovery
{
    /// <summary>
    /// Exists since records of an unknown owner were lost, also when their segments are gone: a group that the log does not know may have been in them. Empty; made and synced before
    /// the log is continued.
    /// </summary>
    public const string LossFileName = "records.lost";

    /// <summary>More batches than are written between two starts: a million each second for twelve days.</summary>
    private const int GenerationShift = 40;

    private readonly IFileSystem _fs;
    private readonly string _directory;
    private readonly LogIdentity _identity;
    private readonly long _generation;
    private readonly ILogger _logger;

    // First byte of each sound segment from which on it is zero to its end.
    private readonly Dictionary<long, int> _contentEnds = [];
    private byte[] _bytes = [];
    private bool _wasClosed;

    private LogRecovery(IFileSystem fs, string directory, LogIdentity identity, long generation, ILogger logger)
    {
        _generation = generation;
        _fs = fs;
        _directory = directory;
        _identity = identity;
        _logger = logger;
        Replay = new LogReplay(0);
    }

    public LogReplay Replay { get; private set; }

    public DurableMark Mark { get; private set; }

    public IFile? MarkFile { get; private set; }

    /// <summary>Oldest first; the log continues in the last one. Empty: the log is new.</summary>
    public List<Segment> Segments { get; } = [];

    /// <summary>Number of the first segment to be made if there is none: the number of a damaged prepared one, or 1.</summary>
    public long FirstNumber { get; private set; } = 1;

    /// <summary>An empty segment that follows the last one.</summary>
    public Segment? Prepared { get; private set; }

    /// <summary>Offset in the last segment at which the log continues, bytes; meaningless if the tail is damaged.</summary>
    public int Offset { get; private set; } = SegmentHeader.Bytes;

    /// <summary>
    /// No batch with a higher number was ever synced. A log that begins anew continues far above the numbers of the lost one, which are unknown: other nodes refuse a log that ends before a batch
    /// that was reported to them, because it lost data without detecting it.
    /// </summary>
    public long LastBatch => Math.Max(Math.Max(Replay.LastBatchNumber, Mark.Batch), Replay.LastBatchNumber == 0 && _generation > 1 ? _generation << GenerationShift : 0);

    /// <summary>At this start or an earlier one records of an unknown owner were lost. See <see cref="LossFileName"/>.</summary>
    public bool MayHaveForgottenGroups { get; private set; }

    /// <param name="fs">The files.</param>
    /// <param name="directory">Their directory.</param>
    /// <param name="identity">The owner that they must have.</param>
    /// <param name="generation">See <see cref="NodeLogOptions.Generation"/>.</param>
    /// <param name="logger">Reports what is lost.</param>
    /// <exception cref="LogOpenException">The files belong to another node or have another version.</exception>
    public static LogRecovery Run(IFileSystem fs, string directory, LogIdentity identity, long generation, ILogger logger)
    {
        var recovery = new LogRecovery(fs, directory, identity, generation, logger);
        try
        {
            recovery.Run();
            return recovery;
        }
        catch
        {
            recovery.Close();
            throw;
        }
    }

    public void Close()
    {
        MarkFile?.Dispose();
        Prepared?.Release();
        foreach (var segment in Segments)
        {
            segment.Release();
        }
    }

    private void Run()
    {
        var names = _fs.ListFiles(_directory);
        foreach (var leftover in names.Where(name => name.EndsWith(SegmentFactory.TemporaryExtension, StringComparison.Ordinal)))
        {
            _fs.Delete(Path.Combine(_directory, leftover));
        }

        var numbers = names.Select(name => Segment.TryParseName(name, out var number) ? number : 0).Where(number => number > 0).Order().ToArray();
        OpenMark(names.Contains(DurableMark.FileName), isNew: numbers.Length == 0);
        FirstNumber = numbers.LastOrDefault(1);
        Replay = new LogReplay(Mark.Batch);
        var previous = 0L;
        foreach (var number in numbers)
        {
            if (previous != 0 && number != previous + 1)
            {
                Replay.AddLoss(number, 0, $"the segments {previous + 1} to {number - 1} are missing");
            }

            ReadSegment(number, isLast: number == numbers[^1], isOnly: numbers.Length == 1);
            previous = number;
        }

        if (_generation > 1 && numbers.Length == 0)
        {
            Replay.AddLoss(FirstNumber, 0, "the log is missing, and this node was started before");
        }

        Replay.Finish();
        _bytes = [];
        Segments.ForEach(segment => segment.IsHeadSound = !Replay.SpoiltSegments.Contains(segment.Number));
        RememberLoss(names.Contains(LossFileName));
        Report();
        TakeBackClosing();
        ZeroBehindTail();
        WriteLastBatchAgain();
        // Names may be in memory only, if the previous process died between rename and sync.
        _fs.SyncDirectory(_directory);
        ChooseTail();
    }

    private void OpenMark(bool exists, bool isNew)
    {
        var path = Path.Combine(_directory, DurableMark.FileName);
        MarkFile = _fs.Open(path, exists ? FileOpening.ReadWrite : FileOpening.Create);
        var mark = exists ? DurableMark.ReadFrom(MarkFile) : null;
        Mark = mark ?? default;
        if (mark is null)
        {
            if (!isNew)
            {
                _logger.DurableMarkMissing(_directory);
            }

            MarkFile.Write(0, new byte[DurableMark.SlotDistance + DurableMark.SlotBytes]);
            MarkFile.FlushData();
        }
    }

    /// <summary>Later starts no longer find the damage, once its segments are reclaimed or replaced.</summary>
    private void RememberLoss(bool isRemembered)
    {
        MayHaveForgottenGroups = isRemembered || Replay.MayHaveForgottenGroups;
        if (MayHaveForgottenGroups && !isRemembered)
        {
            using var file = _fs.Open(Path.Combine(_directory, LossFileName), FileOpening.Create);
            file.FlushData();
            _fs.SyncDirectory(_directory);
        }
    }

    private void ReadSegment(long number, bool isLast, bool isOnly)
    {
        var path = Path.Combine(_directory, Segment.NameOf(number));
        var file = _fs.Open(path, FileOpening.ReadWrite);
        var bytes = ReadWhole(file);
        switch (SegmentHeader.Read(bytes.Span, out var header))
        {
            case SegmentHeaderVerdict.OtherVersion:
                file.Dispose();
                throw new LogOpenException(
                    $"'{path}' has version {bytes.Span[8]} of the log format; this program reads version {SegmentHeader.Version}.");
            case SegmentHeaderVerdict.Valid when header!.Identity != _identity:
                file.Dispose();
                throw new LogOpenException($"'{path}' belongs to {header.Identity}, not to {_identity}.");
            case SegmentHeaderVerdict.Valid when header!.Number == number:
                Segments.Add(new Segment(header, path, file));
                Scan(number, bytes[..(int)Math.Min(bytes.Length, header.Size)], header);
                break;
            case var _ when isLast && !isOnly && SegmentScanner.ContentEnd(bytes.Span[Math.Min(SegmentHeader.Bytes, bytes.Length)..]) == 0:
                // Prepared, but no record was written to it.
                file.Dispose();
                Delete(path);
                break;
            default:
                // Kept until reclaimed, but neither read nor written.
                Segments.Add(new Segment(new SegmentHeader(number, bytes.Length, 0, _identity), path, file));
                Replay.AddLoss(number, 0, "the header of the segment cannot be read, and so none of its records");
                break;
        }
    }

    private void Scan(long number, ReadOnlyMemory<byte> bytes, SegmentHeader header)
    {
        _contentEnds[number] = Math.Max(SegmentHeader.Bytes, SegmentScanner.ContentEnd(bytes.Span));
        foreach (var item in SegmentScanner.Scan(bytes, header.Salt))
        {
            Replay.Add(number, item);
        }

        if (bytes.Length < header.Size)
        {
            Replay.AddLoss(number, bytes.Length, $"the file has {bytes.Length} bytes instead of {header.Size}");
        }
    }

    private ReadOnlyMemory<byte> ReadWhole(IFile file)
    {
        var length = file.Length;
        if (length > int.MaxValue)
        {
            throw new LogOpenException($"A segment file in '{_directory}' has {length} bytes, more than any segment can have.");
        }

        if (_bytes.Length < length)
        {
            _bytes = new byte[length];
        }

        return _bytes.AsMemory(0, file.Read(0, _bytes.AsSpan(0, (int)length)));
    }

    private void Report()
    {
        foreach (var hole in Replay.Holes)
        {
            _logger.HoleFound(hole);
        }

        foreach (var group in Replay.Groups.Values)
        {
            if (group.Damage is { } damage)
            {
                _logger.GroupDamaged(group.Key, damage);
            }
        }
    }

    private void TakeBackClosing()
    {
        _wasClosed = Mark.IsClosed;
        if (_wasClosed)
        {
            Mark = Mark.Next(Mark.Batch);
            Mark.WriteTo(MarkFile!);
            MarkFile!.FlushData();
        }
    }

    private void ZeroBehindTail()
    {
        if (Replay.IsTorn)
        {
            _logger.TornTailCut(Replay.LastBatchNumber, Replay.LastBatch.Segment, Replay.LastBatch.End);
        }

        foreach (var segment in Segments)
        {
            if (segment.Number < Replay.LastBatch.Segment || !_contentEnds.TryGetValue(segment.Number, out var contentEnd))
            {
                continue;
            }

            var from = segment.Number == Replay.LastBatch.Segment ? Replay.LastBatch.End : SegmentHeader.Bytes;
            if (Replay.IsTorn && contentEnd > from)
            {
                WriteZeros(segment.File, from, contentEnd);
                _contentEnds[segment.Number] = from;
            }

            // The log never writes behind damage; the segments after this one are made anew.
            if (!_wasClosed && !Replay.IsTailDamaged && segment.Number == Math.Max(Replay.LastBatch.Segment, Segments[0].Number))
            {
                WriteZeros(segment.File, from, segment.Size);
            }
        }
    }

    private static void WriteZeros(IFile file, long from, long end)
    {
        var zeros = new byte[Math.Min(end - from, 1 << 20)];
        for (var offset = from; offset < end; offset += zeros.Length)
        {
            file.Write(offset, zeros.AsSpan(0, (int)Math.Min(zeros.Length, end - offset)));
        }

        file.FlushData();
    }

    private void WriteLastBatchAgain()
    {
        var (number, offset, end) = Replay.LastBatch;
        if (number == 0 || Replay.IsTailDamaged || _wasClosed)
        {
            return;
        }

        var file = Segments.Find(segment => segment.Number == number)!.File;
        var batch = new byte[end - offset];
        if (file.Read(offset, batch) != batch.Length)
        {
            throw new IOException("A segment became shorter while it was read.");
        }

        file.Write(offset, batch);
        file.FlushData();
    }

    private void ChooseTail()
    {
        // Empty segments at the end are prepared ones. One of them is reused, if it is certainly empty on disk, too.
        while (Segments.Count > 1 && IsEmpty(Segments[^1]))
        {
            Discard(Prepared);
            Prepared = Segments[^1];
            Segments.RemoveAt(Segments.Count - 1);
        }

        if (!_wasClosed)
        {
            Discard(Prepared);
            Prepared = null;
        }

        if (Segments.Count > 0 && Segments[^1].Number == Replay.LastBatch.Segment)
        {
            Offset = Replay.LastBatch.End;
        }
    }

    private void Discard(Segment? segment)
    {
        if (segment is not null)
        {
            segment.Release();
            Delete(segment.Path);
        }
    }

    // Youngest first, with a sync each: if a younger segment outlived an older one, the next start would find a gap.
    private void Delete(string path)
    {
        _fs.Delete(path);
        _fs.SyncDirectory(_directory);
    }

    // A damaged prepared segment is not used: it may be shorter than its header states.
    private bool IsEmpty(Segment segment) =>
        segment.IsHeadSound && _contentEnds.TryGetValue(segment.Number, out var contentEnd) && contentEnd == SegmentHeader.Bytes;
}
