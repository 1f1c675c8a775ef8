using System.Collections.Concurrent;
using KvRaft.Storage;
using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Log;

/// <summary>
/// The single log of a node, shared by all its Raft groups. It is the write-ahead log: entries, truncations, terms, votes and log starts of
/// all groups are written to it, and no write is acknowledged and no vote answered before its record was synced.
/// <para>
/// <b>Why one.</b> A sync is the most expensive part of a write, and it costs the same for one group as for sixty. One writer
/// thread takes everything that all groups queued during the last sync, writes it with one call, syncs once, and wakes all waiters.
/// </para>
/// <para>
/// <b>Files.</b> Segments, preallocated with zeros that are really written; FORMAT.md has the bytes. Records carry a checksum
/// salted by segment and offset, the number of their batch and a sequence number of their group. At the head of each segment
/// the state of every group is restated, so older segments can be deleted once no group's start needs them.
/// </para>
/// <code>
///   0000000000000007.log      0000000000000008.log                      0000000000000009.log
///   [header|..............]   [header|S S S|batch 41|batch 42|0 0 0 0]   [header|0 0 0 0 0 0 0]
///                                    restated      written   zeros        prepared in the background
/// </code>
/// <para>
/// <b>After a crash.</b> Batch n + 1 is written after batch n was synced. So an error in the last batch was caused by the crash, and the batch
/// is cut; an error before it, or before the durable mark, concerns synced data and is damage. Damage is reported and never cut
/// silently. Every group that cannot prove by its own sequence numbers that it lost nothing is marked
/// (<see cref="GroupLog.Damage"/>). See <see cref="LogReplay"/> and <see cref="ReplayedGroup"/>.
/// </para>
/// <para>
/// <b>Failure.</b> The first write, sync or read that fails stops the log permanently; nothing is retried, because after a failed
/// sync the content of the disk is unknown (P. Rebello et al., "Can Applications Recover from fsync Failures?", ATC 2020).
/// </para>
/// <para>
/// <b>What it relies on.</b> A sector is written completely or not at all. If a sector is overwritten by bytes that begin with its old
/// content, the old content is never lost. The log does not protect against a disk that loses both synced data and its durable mark.
/// </para>
/// </summary>
internal sealed class NodeLog : IAsyncDisposable
{
    /// <summary>Thread name, visible in debuggers.</summary>
    internal const string WriterThreadName = "kvraft-log-writer";

    /// <summary>Space reserved in a segment that no other can follow because the disk is full: some thousand votes of a hundred groups.</summary>
    private const int StateBytesReserved = 1 << 20;

    private readonly IFileSystem _fs;
    private readonly string _directory;
    private readonly IDisposable _directoryLock;
    private readonly Lock _groupsLock = new();
    private readonly ConcurrentDictionary<ReplicaKey, GroupLog> _groups = new();
    private readonly HashSet<GroupLog> _dropping = [];
    private readonly TaskCompletionSource _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _writerEnded = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly BackgroundWork _background;
    private readonly SegmentFactory _factory;
    private readonly LogWriter _writer;
    private readonly DurableMarkFile _mark;
    private readonly bool _mayHaveForgottenGroups;
    private List<PendingRecord> _taken = [];
    private Exception? _cause;
    private int _isDisposed;

    private NodeLog(IFileSystem fs, string directory, LogIdentity identity, NodeLogOptions options, ILogger logger, IDisposable directoryLock, LogRecovery found)
    {
        _fs = fs;
        _directory = directory;
        _directoryLock = directoryLock;
        Options = options;
        BatchFound = found.LastBatch;
        Logger = logger;
        Cache = new TailCache(options.TailCacheBytes);
        Holes = found.Replay.Holes;
        _mayHaveForgottenGroups = found.MayHaveForgottenGroups;
        _mark = new DurableMarkFile(found.MarkFile!, found.Mark, options.Time, options.DurableMarkInterval);
        _background = new BackgroundWork(options.IsManual, Fail);
        _factory = new SegmentFactory(fs, directory, identity, options, _background, logger);
        try
        {
            _writer = Resume(found);
        }
        catch
        {
            _ = _background.StopAsync();
            throw;
        }
    }

    /// <summary>
    /// A group's start pins the oldest segments although the log exceeds its budget: flush the group's state and move its start up to
    /// at least this position. Raised on a background thread, once for each new segment while the condition lasts. An exception from a handler
    /// stops the log.
    /// </summary>
    public event Action<ReplicaKey, LogPosition>? Pinned;

    /// <summary>Never completes; faults with <see cref="LogFailedException"/> when the log fails.</summary>
    public Task Failure => _failure.Task;

    /// <summary>The groups of this log, in order.</summary>
    public IReadOnlyCollection<ReplicaKey> Groups => [.. _groups.Keys.Order()];

    /// <summary>The damaged places found when the log was opened; each start finds them again until their segments are reclaimed.</summary>
    public IReadOnlyList<LogHole> Holes { get; }

    /// <summary>The last batch when the log was opened; 0: it was empty.</summary>
    public long BatchFound { get; }

    /// <summary>
    /// The last batch that was synced and that the durable mark contains as well. So a log that loses its tail, and detects it, is never confused with a log that
    /// lost its tail without detecting it.
    /// </summary>
    public long BatchMarked => _mark.Batch;

    public LogStatistics Statistics
    {
        get
        {
            var written = _writer.Statistics;
            return new LogStatistics(
                written.Batches, written.Batches, written.Records, written.Bytes, Segments.Count, Segments.Bytes, Cache.Bytes, Holes.Count);
        }
    }

    internal NodeLogOptions Options { get; }

    internal ILogger Logger { get; }

    internal LogQueue Queue { get; } = new();

    internal SegmentSet Segments { get; } = new();

    internal TailCache Cache { get; }

    /// <summary>Opens the log in a directory, or begins one there. Returns when everything found is durable.</summary>
    /// <exception cref="LogOpenException">The log cannot be opened; the message contains the reason and the next step.</exception>
    public static NodeLog Open(IFileSystem fs, string directory, LogIdentity identity, NodeLogOptions options, ILogger logger)
    {
        options.Validate();
        IDisposable? directoryLock = null;
        LogRecovery? found = null;
        try
        {
            fs.CreateDirectory(directory);
            directoryLock = TakeLock(fs, directory);
            found = LogRecovery.Run(fs, directory, identity, options.Generation, logger);
            var log = new NodeLog(fs, directory, identity, options, logger, directoryLock, found);
            log.StartThread();
            logger.LogOpened(directory, log.Segments.Count, log._groups.Count, log._writer.LastBatch);
            return log;
        }
        catch (Exception failure)
        {
            found?.Close();
            directoryLock?.Dispose();
            if (failure is IOException or UnauthorizedAccessException)
            {
                throw new LogOpenException($"The log in '{directory}' cannot be opened: {failure.Message}", failure);
            }

            throw;
        }
    }

    /// <summary>
    /// Returns whether entries of this many bytes may be appended: always, while the next segment exists or is being made. If the disk is too full for it, they may not: the rest of the
    /// current segment is reserved for terms, votes, configurations and log starts, without which the group could neither elect a leader nor change.
    /// </summary>
    public bool HasRoomFor(int bytes) =>
        !_factory.IsOutOfRoom || _writer.BytesLeft - Queue.BytesUnwritten - bytes > Math.Min(StateBytesReserved, Options.SegmentBytes / 4);

    /// <summary>The disk is too full for another segment: only the rest of the current one is left.</summary>
    public bool IsOutOfRoom => _factory.IsOutOfRoom;

    /// <summary>The check whether the disk has space for the next segment is in progress.</summary>
    internal bool IsPreparingSegment => _factory.IsPreparing;

    /// <summary>Called once a second: tries again to prepare the next segment, if the disk was too full.</summary>
    public void TryRoom()
    {
        if (_factory.IsOutOfRoom && Volatile.Read(ref _isDisposed) == 0 && _cause is null)
        {
            _factory.Prepare(Segments.Last + 1);
        }
    }

    /// <summary>The node is closing: waits for a full disk end.</summary>
    public void StopWaitingForRoom() => _factory.StopWaiting();

    public bool Contains(ReplicaKey key) => _groups.ContainsKey(key);

    /// <summary>Returns the log of a replica; an unknown replica gets a new, empty one.</summary>
    /// <param name="key">The replica.</param>
    /// <param name="isKnownToBeNew">
    /// The caller guarantees that this replica never was on this node before (its incarnation was just assigned). Without that, an
    /// unknown replica is marked as damaged if the log ever lost records of an unknown owner: they may have been its votes.
    /// </param>
    /// <param name="ranBefore">The caller guarantees that this replica was on this node before. If it is unknown, its records are lost, and it is marked as damaged.</param>
    /// <exception cref="LogFailedException">The log failed.</exception>
    public GroupLog OpenGroup(ReplicaKey key, bool isKnownToBeNew = false, bool ranBefore = false)
    {
        lock (_groupsLock)
        {
            if (_groups.TryGetValue(key, out var known))
            {
                return known;
            }

            var hole = Holes.Count == 0 ? null : Holes[^1];
            var damage = ranBefore || (_mayHaveForgottenGroups && !isKnownToBeNew)
                ? new LogDamage(LogDamageKind.MayHaveBeenForgotten, hole?.Segment ?? 0, hole?.Offset ?? 0)
                : null;
            var group = new GroupLog(this, key, new GroupState(default, default, default, damage), new RingDeque<EntryLocation>());
            group.AnnounceOpened();
            _groups[key] = group;
            if (damage is not null)
            {
                Logger.GroupDamaged(key, damage);
            }

            return group;
        }
    }

    /// <summary>Removes a group; completes when the removal is durable. Its <see cref="GroupLog"/> accepts nothing any more. An unknown group is ignored.</summary>
    /// <exception cref="LogFailedException">The log failed.</exception>
    public ValueTask DropGroupAsync(ReplicaKey key)
    {
        lock (_groupsLock)
        {
            if (!_groups.TryGetValue(key, out var group))
            {
                return ValueTask.CompletedTask;
            }

            var dropped = group.DropAsync();
            _groups.TryRemove(key, out _);
            _dropping.Add(group);
            return dropped;
        }
    }

    /// <summary>Writes all queued records, syncs, and closes the files. Later changes are refused.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        if (Options.IsManual)
        {
            Pump();
            if (_cause is null)
            {
                _mark.WriteAndSync(_writer.LastBatch, isClosed: true);
            }
        }

        Queue.Close();
        _factory.StopWaiting();
        await _writerEnded.Task.ConfigureAwait(false);
        await _background.StopAsync().ConfigureAwait(false);
        _factory.Stop();
        Segments.CloseAll();
        _mark.Dispose();
        _directoryLock.Dispose();
        Logger.LogClosed(_writer.LastBatch);
    }

    /// <summary>Manual mode: writes all queued records, on this thread.</summary>
    internal void Pump()
    {
        try
        {
            while (Queue.Take(ref _taken, TimeSpan.Zero) && _taken.Count > 0)
            {
                _writer.Write(_taken);
                _taken.Clear();
            }
        }
        catch (Exception cause)
        {
            Fail(cause);
        }
    }

    /// <summary>Manual mode: writes the durable mark, which is otherwise written by a timer.</summary>
    internal void WriteMark() => _mark.Write(_writer.LastBatch);

    /// <summary>Reads for a group; a failure fails the log.</summary>
    internal int ReadOrFail(IFile file, long offset, Span<byte> buffer)
    {
        try
        {
            return file.Read(offset, buffer);
        }
        catch (IOException failure)
        {
            Fail(failure);
            throw new LogFailedException(failure);
        }
    }

    /// <summary>The group's last record is durable.</summary>
    internal void Dropped(GroupLog group)
    {
        lock (_groupsLock)
        {
            _dropping.Remove(group);
        }
    }

    internal void Delete(Segment segment)
    {
        // One at a time with a sync each: if a younger segment vanished before an older one, the next start would find a gap.
        _fs.Delete(segment.Path);
        _fs.SyncDirectory(_directory);
        segment.Release();
        Logger.Reclaimed(segment.Number);
    }

    internal void AskToMove(GroupLog group, long segment, long index)
    {
        if (group.TryPositionAt(index) is { } position && position.Index > group.Start.Index)
        {
            Logger.GroupPinsLog(group.Key, segment, index);
            Pinned?.Invoke(group.Key, position);
        }
    }

    private static IDisposable TakeLock(IFileSystem fs, string directory)
    {
        try
        {
            return fs.Lock(Path.Combine(directory, "LOCK"));
        }
        catch (IOException failure)
        {
            throw new LogOpenException($"The log in '{directory}' is in use by another process, or its lock file cannot be written: {failure.Message}", failure);
        }
    }

    private LogWriter Resume(LogRecovery found)
    {
        if (found.Segments.Count == 0)
        {
            found.Segments.Add(_factory.Create(found.FirstNumber, Options.SegmentBytes));
        }

        found.Segments.ForEach(Segments.Add);
        var tail = found.Segments[^1];
        if (found.Prepared is { } prepared)
        {
            _factory.Offer(prepared);
        }

        var writer = new LogWriter(this, _factory, _background, tail, found.Offset, found.LastBatch);
        foreach (var group in found.Replay.Groups.Values)
        {
            Adopt(group, writer);
        }

        if (found.Replay.IsTailDamaged)
        {
            writer.LeaveSegment();
        }

        // Records the findings of the start, damage included, so that the next start proves continuity from here. It also proves that the log is writable.
        writer.Restate(StateReason.Recovered);
        _mark.WriteAndSync(writer.LastBatch, isClosed: false);
        _factory.Prepare(Segments.Last + 1);
        return writer;
    }

    private void Adopt(ReplayedGroup found, LogWriter writer)
    {
        var state = new GroupState(found.Ballot, found.Start, found.Last, found.Damage);
        var group = new GroupLog(this, found.Key, state, found.Entries) { Shadow = new GroupShadow(found.Key, state, found.Sequence) };
        for (var i = 0; i < found.Entries.Count; i++)
        {
            var entry = found.Entries[i];
            group.Shadow.Appended(entry.Segment, new LogPosition(entry.Term, found.Start.Index + i + 1));
        }

        writer.Adopt(group);
        _groups[found.Key] = group;
    }

    private void StartThread()
    {
        if (Options.IsManual)
        {
            _writerEnded.SetResult();
            return;
        }

        new Thread(Run) { IsBackground = true, Name = WriterThreadName }.Start();
    }

    private void Run()
    {
        try
        {
            while (Queue.Take(ref _taken, _mark.WaitFor(_writer.LastBatch)))
            {
                _writer.Write(_taken);
                _taken.Clear();
                _mark.WriteIfDue(_writer.LastBatch);
            }

            if (_cause is null)
            {
                _mark.WriteAndSync(_writer.LastBatch, isClosed: true);
            }
        }
        // For any exception, the writer cannot continue: all waiters receive it, and the node stops.
        catch (Exception cause)
        {
            Fail(cause);
        }

        _writerEnded.SetResult();
    }

    private void Fail(Exception cause)
    {
        if (Interlocked.CompareExchange(ref _cause, cause, null) is not null)
        {
            return;
        }

        // Comes first: the process ends because of this failure, and does not depend on the work below.
        var failure = new LogFailedException(cause);
        _failure.TrySetException(failure);
        // Observed here, because no caller has to read the task.
        _ = _failure.Task.Exception;
        Queue.Fail(cause);
        _factory.Stop();
        lock (_groupsLock)
        {
            foreach (var group in _groups.Values.Concat(_dropping))
            {
                group.Fail(failure);
            }
        }

        Logger.LogFailed(cause);
    }
}
