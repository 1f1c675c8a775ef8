using System.Globalization;

namespace KvRaft.Raft.Log;

/// <summary>
/// Prints a node's log in readable form, without changing it: each segment, batch and record, every unreadable place, and
/// at the end the findings of a start. Works on a damaged log, and on a log in use (whose last batch may then look torn).
/// </summary>
public static class LogDump
{
    /// <param name="directory">The log's directory.</param>
    /// <param name="output">The output.</param>
    /// <param name="withRecords">False: only segments, damage and groups.</param>
    /// <returns>True if the log is sound. A torn tail is sound; damage is not.</returns>
    /// <exception cref="DirectoryNotFoundException">The directory does not exist.</exception>
    /// <exception cref="IOException">A file could not be read.</exception>
    public static bool Write(string directory, TextWriter output, bool withRecords = true)
    {
        ArgumentNullException.ThrowIfNull(directory);
        ArgumentNullException.ThrowIfNull(output);
        return Directory.Exists(directory)
            ? Write(OsFileSystem.Instance, directory, output, withRecords)
            : throw new DirectoryNotFoundException($"There is no directory '{directory}'.");
    }

    internal static bool Write(IFileSystem fs, string directory, TextWriter output, bool withRecords)
    {
        var names = fs.ListFiles(directory);
        var mark = ReadMark(fs, directory, names);
        output.WriteLine(mark is { } known ? Text($"durable mark: batch {known.Batch}") : "durable mark: none that can be read");
        var replay = new LogReplay(mark?.Batch ?? 0);
        var previous = 0L;
        var areHeadersSound = true;
        foreach (var name in names)
        {
            if (!Segment.TryParseName(name, out var number))
            {
                continue;
            }

            if (previous != 0 && number != previous + 1)
            {
                replay.AddLoss(number, 0, Text($"the segments {previous + 1} to {number - 1} are missing"));
            }

            areHeadersSound &= WriteSegment(fs, Path.Combine(directory, name), number, replay, output, withRecords);
            previous = number;
        }

        replay.Finish();
        WriteFindings(replay, output);
        return areHeadersSound && replay.Holes.Count == 0 && replay.Groups.Values.All(group => group.Damage is null);
    }

    private static DurableMark? ReadMark(IFileSystem fs, string directory, IReadOnlyList<string> names)
    {
        if (!names.Contains(DurableMark.FileName))
        {
            return null;
        }

        using var file = fs.Open(Path.Combine(directory, DurableMark.FileName), FileOpening.Read);
        return DurableMark.ReadFrom(file);
    }

    private static bool WriteSegment(IFileSystem fs, string path, long number, LogReplay replay, TextWriter output, bool withRecords)
    {
        using var file = fs.Open(path, FileOpening.Read);
        var bytes = new byte[file.Length];
        var length = file.Read(0, bytes);
        var verdict = SegmentHeader.Read(bytes.AsSpan(0, length), out var header);
        if (header is null || header.Number != number)
        {
            output.WriteLine(Text($"segment {number}: {length} bytes, header unreadable ({(header is null ? verdict.ToString() : Text($"it says {header.Number}"))})"));
            replay.AddLoss(number, 0, "the header of the segment cannot be read, and so none of its records");
            return false;
        }

        output.WriteLine(Text($"segment {number}: {length} bytes, salt {header.Salt:x16}, {header.Identity}"));
        foreach (var item in SegmentScanner.Scan(bytes.AsMemory(0, (int)Math.Min(length, header.Size)), header.Salt))
        {
            replay.Add(number, item);
            if (withRecords || item.Kind != ScanItemKind.Record)
            {
                output.WriteLine(Describe(item));
            }
        }

        if (length < header.Size)
        {
            replay.AddLoss(number, length, Text($"the file has {length} bytes instead of {header.Size}"));
        }

        return true;
    }

    private static string Describe(in ScanItem item)
    {
        if (item.Kind == ScanItemKind.Garbage)
        {
            return Text($"  {item.Offset,9}  GARBAGE up to {item.End}");
        }

        var header = item.Header;
        var what = header.Kind switch
        {
            RecordKind.Entry => Text($"entry {header.Index}@{header.Term} {(LogEntryKind)header.Detail} {header.PayloadLength} bytes {header.PayloadChecksum:x8}"),
            RecordKind.State when item.State is { } state => Text($"state ({(StateReason)header.Detail}) {Describe(state)}"),
            _ => header.Kind.ToString().ToLowerInvariant(),
        };
        var spoilt = item.Kind == ScanItemKind.UnreadablePayload ? "  PAYLOAD UNREADABLE" : "";
        var last = header.IsLastOfBatch ? "  end of batch" : "";
        return Text($"  {item.Offset,9}  batch {header.Batch}  {header.Key} #{header.Sequence}  {what}{spoilt}{last}");
    }

    private static string Describe(GroupState state) =>
        Text($"{state.Ballot}, start {state.Start}, last {state.Last}{(state.Damage is null ? "" : Text($", DAMAGED {state.Damage}"))}");

    private static void WriteFindings(LogReplay replay, TextWriter output)
    {
        foreach (var hole in replay.Holes)
        {
            output.WriteLine(Text($"DAMAGE: {hole}"));
        }

        if (replay.IsTorn)
        {
            output.WriteLine(Text($"torn tail after batch {replay.LastBatchNumber} (segment {replay.LastBatch.Segment} offset {replay.LastBatch.End}): never synced, a start cuts it"));
        }

        foreach (var group in replay.Groups.Values)
        {
            output.WriteLine(Text($"{group.Key}: {Describe(new GroupState(group.Ballot, group.Start, group.Last, group.Damage))}, {group.Entries.Count} entries"));
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
