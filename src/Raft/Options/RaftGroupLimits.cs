namespace KvRaft.Raft.Options;

/// <summary>The named limits of one group's proposals.</summary>
public sealed record RaftGroupLimits
{
    /// <summary>
    /// Commands that wait to be proposed; more are refused. 4,096 is eight full entries: at the few thousand commands a second one
    /// group carries on a small machine, whoever is further back would outlast its deadline anyway.
    /// </summary>
    public int ProposalsWaitingMax { get; init; } = 4096;

    /// <summary>Commands in one entry. An entry is applied in one write batch; 512 keep it within a few milliseconds.</summary>
    public int CommandsPerEntryMax { get; init; } = 512;

    /// <summary>Bytes of one entry. A value may be 1 MiB, a batch 4 MiB, and an entry must travel well within the request timeout.</summary>
    public int EntryBytesMax { get; init; } = (4 << 20) + (64 << 10);

    /// <summary>
    /// Entries appended but not yet applied. Two: one whose round is running and one that is already on its way to the disk; more
    /// would only make the batches thinner.
    /// </summary>
    public int EntriesInFlightMax { get; init; } = 2;
}
