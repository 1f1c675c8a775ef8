namespace KvRaft.Raft.Runs;

/// <summary>What a node makes of another one's run. The numbers are sent (<c>RunExchange</c>).</summary>
internal enum RunVerdict : byte
{
    /// <summary>It is the run that is known.</summary>
    Known = 0,

    /// <summary>It follows the run that is known, and has everything that one had reported.</summary>
    New = 1,

    /// <summary>It would follow the run that is known, which is still connected: it may be a second process, and is refused for now.</summary>
    StillRunning = 2,

    /// <summary>A later run of the directory is known, or another one of the same generation: the directory is a copy, or was started twice.</summary>
    Superseded = 3,

    /// <summary>Its log ends before a batch that an earlier run had reported: the directory is an older copy, or its disk lost what it had synced.</summary>
    LogCutShort = 4,
}

/// <summary>Whether a run of a node may take part. Pure.</summary>
internal static class RunRules
{
    /// <param name="known">What is remembered of the node; null: nothing.</param>
    /// <param name="run">How it introduces itself.</param>
    /// <param name="isConnected">The known run gives signs of life at this moment.</param>
    public static RunVerdict Judge(KnownRun? known, NodeRun run, bool isConnected)
    {
        if (known is not { } last)
        {
            return RunVerdict.New;
        }

        if (run.Generation <= last.Generation)
        {
            return run.Generation == last.Generation && run.Id == last.Id ? RunVerdict.Known : RunVerdict.Superseded;
        }

        // A log that is empty was lost as a whole. Its replicas know that they ran before, and rebuild themselves from all others (ReplicaFault).
        if (run.LogBatch > 0 && run.LogBatch < last.LogBatch)
        {
            return RunVerdict.LogCutShort;
        }

        return isConnected ? RunVerdict.StillRunning : RunVerdict.New;
    }
}
