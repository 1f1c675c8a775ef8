using DotNext.IO.Log;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Log;
using KvRaft.Raft.Proposals;
using KvRaft.Topology;
using LogEntry = KvRaft.Raft.Log.LogEntry;

namespace KvRaft.Raft.Consensus;

// Entries of a leader, of this process as the leader, and of another replica's log.
internal sealed partial class GroupAuditTrail
{
    async ValueTask IAuditTrail<IRaftLogEntry>.AppendAsync<TEntry>(
        ILogEntryProducer<TEntry> entries, long startIndex, bool skipCommitted, CancellationToken token)
    {
        var earlierConfigurations = Task.CompletedTask;
        var (term, lastTerm, isWhole, isRefused) = (Term, 0L, false, false);
        try
        {
            for (var index = startIndex; await entries.MoveNextAsync().ConfigureAwait(false); index++)
            {
                var entry = entries.Current;

                // The payload is read even when the entry is skipped: it is part of the stream.
                var payload = await PayloadReader.ReadAsync(entry, token).ConfigureAwait(false);
                lock (_gate)
                {
                    ThrowIfOver(term);
                    ThrowIfNot(entry.Term >= lastTerm && entry.Term <= term, index, entry.Term, lastTerm, term);
                    lastTerm = entry.Term;
                    var kind = KindOf(entry, payload);
                    isRefused = true;
                    ThrowIfOutOfRoom(index, kind, payload);
                    isRefused = false;
                    AppendReplicated(index, entry.Term, kind, payload);
                    if (kind == LogEntryKind.Configuration)
                    {
                        earlierConfigurations = _configurations.SaveBefore(index);
                    }
                }
            }

            isWhole = true;
        }
        finally
        {
            // An entry refused because the disk is full would be refused from another replica too.
            if (!isWhole && !isRefused)
            {
                CutShort?.Invoke();
            }
        }

        await earlierConfigurations.ConfigureAwait(false);
        // Entries that were already there may still be in transit to the disk from an interrupted attempt.
        await _log.WhenDurableAsync().ConfigureAwait(false);
    }

    ValueTask IAuditTrail<IRaftLogEntry>.AppendAsync<TEntry>(TEntry entry, long startIndex, CancellationToken token) =>
        throw new NotSupportedException(
            entry.IsSnapshot
                ? "A snapshot arrived through Raft; no log of this cluster sends one."
                : "DotNext does not place single entries at an index.");

    async ValueTask<long> IAuditTrail<IRaftLogEntry>.AppendAsync<TEntry>(TEntry entry, CancellationToken token)
    {
        if (entry is ProposedEntry proposed)
        {
            lock (_gate)
            {
                return proposed.Index = AppendLocal(proposed.Term, LogEntryKind.Command, proposed.Payload);
            }
        }

        var payload = await PayloadReader.ReadAsync(entry, token).ConfigureAwait(false);
        lock (_gate)
        {
            return AppendLocal(entry.Term, KindOf(entry, payload), payload);
        }
    }

    /// <summary>
    /// Appends entries that are committed on another replica, pulled by a replica that is not a member yet. Returns when they are on disk, and commits
    /// them. A term is adopted without a vote in it, so this log is never newer than its ballot.
    /// </summary>
    public async ValueTask AppendCommittedAsync(IReadOnlyList<LogEntry> entries)
    {
        lock (_gate)
        {
            foreach (var entry in entries)
            {
                ThrowIfOutOfRoom(entry.Index, entry.Kind, entry.Payload);
                if (entry.Term > _log.Ballot.Term)
                {
                    SetBallot(entry.Term, []);
                }

                AppendReplicated(entry.Index, entry.Term, entry.Kind, entry.Payload);
            }

            _indexes.OnQuorum(entries[^1].Index);
        }

        await _log.WhenDurableAsync().ConfigureAwait(false);
        AdvanceCommit();
    }

    /// <summary>
    /// Entries of a later term may be pulled during a leader's request that began in an earlier term; the rest of that request must not be appended behind them.
    /// </summary>
    /// <exception cref="IOException">Another term has begun.</exception>
    private void ThrowIfOver(long term)
    {
        if (_log.Ballot.Term != term)
        {
            throw new IOException($"Term {_log.Ballot.Term} began while entries of a leader of term {term} arrived.");
        }
    }

    /// <exception cref="LogOutOfRoomException">The disk is full; nothing was appended.</exception>
    private void ThrowIfOutOfRoom(long index, LogEntryKind kind, ReadOnlyMemory<byte> payload)
    {
        if (kind == LogEntryKind.Command && index > _log.LastIndex && !HasRoomFor(payload.Length))
        {
            throw new LogOutOfRoomException();
        }
    }

    /// <summary>A leader has entries of its own term and of earlier ones, in order; a log with an entry of a later term would win elections that it must lose.</summary>
    /// <exception cref="IOException">The entry cannot come from a leader of this term.</exception>
    private static void ThrowIfNot(bool isInOrder, long index, long entryTerm, long before, long term)
    {
        if (!isInOrder)
        {
            throw new IOException($"Entry {index} of term {entryTerm} arrived after one of term {before} from a leader of term {term}.");
        }
    }

    private static LogEntryKind KindOf<TEntry>(TEntry entry, ReadOnlyMemory<byte> payload)
        where TEntry : IRaftLogEntry =>
        entry.IsConfiguration ? LogEntryKind.Configuration : payload.IsEmpty ? LogEntryKind.NoOp : LogEntryKind.Command;

    private void AppendReplicated(long index, long term, LogEntryKind kind, ReadOnlyMemory<byte> payload)
    {
        if (index <= _log.Start.Index)
        {
            return;
        }

        if (index <= _log.LastIndex)
        {
            if (ReplicationRules.IsSame(_log.TermAt(index), term))
            {
                return;
            }

            if (index <= CommitIndex)
            {
                var message = $"Entry {index} is committed here in term {_log.TermAt(index)} and may not be replaced by one of term {term}.";
                Conflicted?.Invoke(message);
                throw new InvariantException(message);
            }

            _log.TruncateFrom(index);
            _indexes.OnTruncated(index);
            Volatile.Write(ref _replayedUpTo, Math.Min(_replayedUpTo, index - 1));
            _configurations.OnTruncated(index);
        }

        Invariant.Holds(index == _log.LastIndex + 1, $"Entry {index} does not follow {_log.LastIndex}.");
        Append(term, kind, payload);
    }

    /// <summary>
    /// Appends a leader's own entry. The proposer may have been superseded by an election, so the decision is made here, under the
    /// same lock that changes the term:
    /// <list type="bullet">
    /// <item>An entry of an older term would follow newer ones and make this log look older than it is. A candidate
    /// without our newest entries could then win our vote.</item>
    /// <item>An entry of a term that another replica leads is worse: it takes the place of that leader's own entry with the same index
    /// and term, and by Raft's log matching no replica would ever detect it. DotNext's term already is the successor's while a
    /// deposed leader's proposals still run, so a proposal's term does not prove which replica leads that term.</item>
    /// </list>
    /// So entries are accepted only in a term in which this process campaigned and won.
    /// </summary>
    private long AppendLocal(long term, LogEntryKind kind, ReadOnlyMemory<byte> payload)
    {
        if (kind == LogEntryKind.NoOp)
        {
            _terms.OnFirstEntry(term, _log.Ballot.Term);
        }

        return ReplicationRules.MayAppend(term, _terms.Leading, _log.Ballot.Term, _log.LastTerm)
            ? Append(term, kind, payload)
            : throw new NotLeaderException();
    }

    private long Append(long term, LogEntryKind kind, ReadOnlyMemory<byte> payload)
    {
        var index = _log.Append(term, kind, payload);
        if (kind == LogEntryKind.Configuration)
        {
            _configurations.OnAppended(index);
        }

        return index;
    }
}
