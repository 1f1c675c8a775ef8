using KvRaft.Raft.Log;
using KvRaft.Storage;

namespace KvRaft.Raft.Consensus;

/// <summary>The data or ability that a replica lost, which decides its repair.</summary>
public enum ReplicaLoss
{
    /// <summary>
    /// Its log, its vote or both: the record of its acknowledgements. It takes no part until it is rebuilt from a leader that every other voter confirms.
    /// </summary>
    Log,

    /// <summary>
    /// Only its state. The log is complete, and so is the record of its votes and of acknowledged entries from the log's start on. The replica votes and acknowledges while it
    /// copies a state from another replica. It neither campaigns nor serves.
    /// </summary>
    State,

    /// <summary>Nothing: the disk was too full for the engine's write. The replica continues from its log once there is space.</summary>
    Room,

    /// <summary>Nothing: the system refused a descriptor, memory or access. The replica is opened again after a wait, and continues from its log.</summary>
    Resource,

    /// <summary>It stopped at a fault that would recur (a broken invariant, a command of a newer version). It stays stopped.</summary>
    Stopped,
}

/// <summary>Why a replica does not serve.</summary>
public sealed record ReplicaFault(ReplicaLoss Loss, string Message)
{
    /// <summary>Maps an exception from the state machine or the log to its consequence for the replica.</summary>
    public static ReplicaFault Of(Exception error)
    {
        // A state machine that failed before wraps its first fault, which is the relevant one.
        for (var cause = error; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case StorageCorruptionException:
                    return new ReplicaFault(ReplicaLoss.State, error.Message);
                case StorageFullException:
                case var full when FullDisk.Is(full):
                    return new ReplicaFault(ReplicaLoss.Room, error.Message);
                case StorageUnavailableException:
                case var refused when EnvironmentFault.Is(refused):
                    return new ReplicaFault(ReplicaLoss.Resource, error.Message);
            }
        }

        return new ReplicaFault(ReplicaLoss.Stopped, error.Message);
    }

    /// <summary>Compares the files that are left after a start. Null if the replica may vote, count and serve.</summary>
    internal static ReplicaFault? Judge(GroupLog log, IReplicatedStateMachine machine, bool ranBefore, bool logKnown, bool membersDamaged)
    {
        if (ranBefore && !logKnown)
        {
            return new ReplicaFault(ReplicaLoss.Log, "its log is missing, with its vote and all acknowledged entries");
        }

        if (log.Damage is { } damage)
        {
            return new ReplicaFault(ReplicaLoss.Log, $"its log is damaged: {damage}");
        }

        if (membersDamaged)
        {
            return new ReplicaFault(ReplicaLoss.Log, "its member list is damaged, so it cannot determine whose votes count");
        }

        if (log.Ballot.Term > Ballot.TermMax)
        {
            return new ReplicaFault(ReplicaLoss.Log, $"its term {log.Ballot.Term} is above {Ballot.TermMax}, which no election can reach");
        }

        return log.Start.Index > machine.Applied.Index
            ? new ReplicaFault(ReplicaLoss.State, $"its state ends at {machine.Applied}, but its log begins after {log.Start}")
            : null;
    }
}
