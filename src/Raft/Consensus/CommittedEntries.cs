using KvRaft.Raft.Log;
using KvRaft.Raft.Proposals;
using KvRaft.Storage;

namespace KvRaft.Raft.Consensus;

/// <summary>Log entries in the form that the state machine takes.</summary>
internal static class CommittedEntries
{
    /// <summary>The entries, each with the id under which it was proposed; null for an entry without commands.</summary>
    /// <exception cref="InvalidDataException">An entry is not an envelope of a supported version.</exception>
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
