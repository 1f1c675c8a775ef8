using KvRaft.Raft.Log;
using KvRaft.Raft.Proposals;
using KvRaft.Storage;

namespace KvRaft.Raft.Consensus;

/// <summary>Entries of the log as the state machine takes them.</summary>
internal static class CommittedEntries
{
    /// <summary>The entries, and for each the id it was proposed under; null for one that carries no commands.</summary>
    /// <exception cref="InvalidDataException">An entry is no envelope of a known version.</exception>
    public static (CommittedEntry[] Entries, EntryId?[] Ids) Decode(IReadOnlyList<LogEntry> entries)
    {
        var committed = new CommittedEntry[entries.Count];
        var ids = new EntryId?[entries.Count];
        for (var i = 0; i < committed.Length; i++)
        {
            var position = new LogPosition(entries[i].Term, entries[i].Index);
            if (entries[i].Kind == LogEntryKind.Command)
            {
                var envelope = EntryEnvelope.Decode(entries[i].Payload);
                ids[i] = envelope.Id;
                committed[i] = new CommittedEntry(position, envelope.Time.StampMs, envelope.Commands, envelope.Time.IsStep);
            }
            else
            {
                committed[i] = new CommittedEntry(position, 0, []);
            }
        }

        return (committed, ids);
    }
}
