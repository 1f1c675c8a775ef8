namespace KvRaft.Raft.Proposals;

/// <summary>Callers' commands that share one Raft entry.</summary>
/// <param name="Id">The permanent id of the entry.</param>
/// <param name="Entry">The log entry; it has an index once it is in the log.</param>
/// <param name="Proposals">In the order of the entry's commands.</param>
internal sealed record ProposedBatch(EntryId Id, ProposedEntry Entry, IReadOnlyList<Proposal> Proposals);
