namespace KvRaft.Raft.Options;

/// <summary>The named limits of one group's proposals.</summary>
public sealed record RaftGroupLimits
{
    /// <summary>
    /// Commands that wait to be proposed; more are refused. 4,096 is eight full entries: a small machine processes a few thousand commands per second in one
    /// group, so a command further back would exceed its deadline anyway.
    /// </summary>
    public int ProposalsWaitingMax { get; init; } = 4096;

    /// <summary>Commands in one entry. An entry is applied in one write batch; 512 commands take a few milliseconds.</summary>
    public int CommandsPerEntryMax { get; init; } = 512;

    /// <summary>Bytes of one entry. A value may be 1 MiB, a batch 4 MiB, and the transfer of an entry must take much less than the request timeout.</summary>
    public int EntryBytesMax { get; init; } = (4 << 20) + (64 << 10);

    /// <summary>
    /// Entries appended but not yet applied. Two: one in its round, and one in transit to the disk; more
    /// would only make the batches smaller.
    /// </summary>
    public int EntriesInFlightMax { get; init; } = 2;
}
