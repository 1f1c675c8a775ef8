namespace KvRaft.Raft.Proposals;

/// <summary>Callers' commands that share one Raft entry.</summary>
/// <param name="Id">Names the entry for ever.</param>
/// <param name="Entry">What goes into the log; knows its index once it is there.</param>
/// <param name="Proposals">In the order of the entry's commands.</param>
internal sealed record ProposedBatch(EntryId Id, ProposedEntry Entry, IReadOnlyList<Proposal> Proposals);
