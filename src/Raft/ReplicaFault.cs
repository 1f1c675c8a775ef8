using KvRaft.Raft.Log;
using KvRaft.Storage;

namespace KvRaft.Raft;

/// <summary>Why a replica may not take part: its log or its state lacks something it may have promised to others.</summary>
internal sealed record ReplicaFault(string Message)
{
    /// <summary>Compares what is left on disk after a start. Null when the replica may vote and count.</summary>
    public static ReplicaFault? Judge(GroupLog log, IReplicatedStateMachine machine, bool ranBefore, bool logKnown)
    {
        if (log.Damage is { } damage)
        {
            return new ReplicaFault($"its log is damaged: {damage}");
        }

        if (ranBefore && !logKnown)
        {
            return new ReplicaFault("its log is gone, with its vote and everything it acknowledged");
        }

        return log.Start.Index > machine.Applied.Index
            ? new ReplicaFault($"its state ends at {machine.Applied}, its log begins only after {log.Start}")
            : null;
    }
}
