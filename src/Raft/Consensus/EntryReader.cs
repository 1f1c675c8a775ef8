using DotNext.IO.Log;
using DotNext.Net.Cluster;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Log;
using LogEntry = KvRaft.Raft.Log.LogEntry;

namespace KvRaft.Raft.Consensus;

/// <summary>
/// Gives DotNext the entries of a group's log, without waiting for the disk. A follower receives them in runs, so that the memory and time of a request are bounded. It never returns a
/// snapshot: below the log start it throws one cached exception, which DotNext treats as "member unavailable" (ARCHITECTURE.md, "Decisions").
/// <para>Thread-safe; it takes no lock of <see cref="GroupAuditTrail"/>. The log may be truncated while it reads.</para>
/// </summary>
/// <param name="log">The log.</param>
/// <param name="term">The present term of this replica; may change at any moment.</param>
internal sealed class EntryReader(GroupLog log, Func<long> term)
{
    /// <summary>The only exception that DotNext's replication loop ignores silently. It is cached: one per attempt would cost 20 ms/s (measured).</summary>
    private readonly MemberUnavailableException _belowStart = new(null!, $"Group {log.Key.Group}: the log starts later than the peer needs.");

    /// <inheritdoc cref="GroupAuditTrail.AskedBelowStart"/>
    public event Action? AskedBelowStart;

    /// <inheritdoc cref="GroupAuditTrail.MoreToSend"/>
    public event Action? MoreToSend;

    /// <inheritdoc cref="GroupAuditTrail.RunBytesWanted"/>
    public int RunBytesWanted { get; set; } = 1 << 20;

    /// <inheritdoc cref="GroupAuditTrail.RunsLast"/>
    public TimeSpan RunsLast { get; set; } = TimeSpan.FromMilliseconds(300);

    public TimeProvider Time { get; set; } = TimeProvider.System;

    public ValueTask<TResult> ReadEntriesAsync<TResult>(
        ILogEntryConsumer<IRaftLogEntry, TResult> reader, long startIndex, long endIndex, CancellationToken token)
    {
        if (startIndex > endIndex)
        {
            return reader.ReadAsync<LogEntryView, LogEntryList>(LogEntryList.Empty, null, token);
        }

        IReadOnlyList<LogEntry> entries;
        var start = log.Start;
        if (startIndex <= start.Index)
        {
            if (!reader.LogEntryMetadataOnly)
            {
                return ValueTask.FromException<TResult>(_belowStart);
            }

            // Only the term is requested. At the log start the term is stored; below it the answer is "unknown", which equals no leader's term.
            if (startIndex < start.Index)
            {
                AskedBelowStart?.Invoke();
            }

            var startTerm = startIndex == start.Index ? start.Term : -1;
            entries = [new LogEntry(startIndex, startTerm, LogEntryKind.NoOp, default)];
        }
        else
        {
            try
            {
                entries = ReplicationAnswer.IsOf<TResult>() ? log.ReadSome(startIndex, endIndex, RunBytesWanted) : log.Read(startIndex, endIndex);
                if (entries[^1].Index < endIndex)
                {
                    return SendInRunsAsync(reader, entries, endIndex, token);
                }
            }
            catch (ArgumentOutOfRangeException) when (startIndex <= log.Start.Index)
            {
                // The log truncated these entries since the check: answer as if they had been truncated before.
                return ReadEntriesAsync(reader, startIndex, endIndex, token);
            }
        }

        return reader.ReadAsync<LogEntryView, LogEntryList>(new LogEntryList(entries), null, token);
    }

    /// <summary>
    /// Sends a follower the entries that it lacks, run after run, until it has all of them or the time for one round is over. DotNext continues behind the last entry that was sent, and a
    /// follower commits no further than the entries it received.
    /// </summary>
    private async ValueTask<TResult> SendInRunsAsync<TResult>(
        ILogEntryConsumer<IRaftLogEntry, TResult> reader, IReadOnlyList<LogEntry> run, long endIndex, CancellationToken token)
    {
        var begun = Time.GetTimestamp();
        var termBefore = term();
        var precedingTerm = log.TryPositionAt(run[0].Index - 1)?.Term;
        while (true)
        {
            var last = run[^1];
            var answer = await reader.ReadAsync<LogEntryView, LogEntryList>(new LogEntryList(run), null, token).ConfigureAwait(false);
            if (last.Index == endIndex || !ReplicationAnswer.IsTaken(answer))
            {
                return answer;
            }

            if (!ReplicationRules.MayContinue(last.Term, precedingTerm, Time.GetElapsedTime(begun), RunsLast)
                || TryReadRun(last.Index + 1, endIndex) is not { } next || term() != termBefore)
            {
                // Entries read after another term began are not sent either: they may be a successor's.
                MoreToSend?.Invoke();
                return ReplicationAnswer.Counted(answer, last.Index, endIndex);
            }

            run = next;
        }
    }

    /// <summary>Null: the log truncated the first of them meanwhile.</summary>
    private IReadOnlyList<LogEntry>? TryReadRun(long from, long to)
    {
        try
        {
            return log.ReadSome(from, to, RunBytesWanted);
        }
        catch (ArgumentOutOfRangeException) when (from <= log.Start.Index)
        {
            return null;
        }
    }
}
