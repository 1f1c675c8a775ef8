namespace KvRaft.Raft.Runs;

/// <summary>The verdicts on another node's run. The numbers are sent (<c>RunExchange</c>).</summary>
internal enum RunVerdict : byte
{
    /// <summary>The run is the recorded one.</summary>
    Known = 0,

    /// <summary>The run follows the recorded one, and has all batches that the recorded one had reported.</summary>
    New = 1,

    /// <summary>The run would follow the recorded one, which is still connected: it may be a second process, and is refused for now.</summary>
    StillRunning = 2,

    /// <summary>A later run of the directory is recorded, or another one of the same generation: the directory is a copy, or was started twice.</summary>
    Superseded = 3,

    /// <summary>The log ends before a batch that an earlier run had reported: the directory is an older copy, or its disk lost synced data.</summary>
    LogCutShort = 4,
}

/// <summary>Decides whether a run of a node may take part. Pure.</summary>
internal static class RunRules
{
    /// <param name="known">The record of the node; null: there is none.</param>
    /// <param name="run">The run that the node sent.</param>
    /// <param name="isConnected">The recorded run is alive at this moment.</param>
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

        // A log that was lost as a whole continues with a higher number (LogRecovery.LastBatch): the node detected it, and its replicas rebuild themselves from all others.
        if (run.LogBatch < last.LogBatch)
        {
            return RunVerdict.LogCutShort;
        }

        return isConnected ? RunVerdict.StillRunning : RunVerdict.New;
    }
}
