using KvRaft.Raft.Log;
using KvRaft.Storage;

namespace KvRaft.Raft.Consensus;

/// <summary>What a replica lacks or cannot do any more, and so how it comes back.</summary>
public enum ReplicaLoss
{
    /// <summary>
    /// Its log, its vote or both: what it may have promised to others. It takes no part until it was rebuilt from a leader that every other voter agrees with.
    /// </summary>
    Log,

    /// <summary>
    /// Only its state. The log is whole, and with it every vote it gave and every entry it acknowledged from the log's start on: it votes and acknowledges while it
    /// copies a state from another replica, and neither campaigns nor serves.
    /// </summary>
    State,

    /// <summary>Nothing: its disk had no room for what the engine had to write. It goes on from its log once there is room.</summary>
    Room,

    /// <summary>It stopped at a fault that would meet it again (a broken invariant, a command of a newer version). It stays stopped.</summary>
    Stopped,
}

/// <summary>Why a replica does not serve.</summary>
public sealed record ReplicaFault(ReplicaLoss Loss, string Message)
{
    /// <summary>What an exception out of the state machine or the log means for the replica.</summary>
    public static ReplicaFault Of(Exception error)
    {
        // A state machine that failed before wraps its first fault, which is the one that matters.
        for (var cause = error; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case StorageCorruptionException:
                    return new ReplicaFault(ReplicaLoss.State, error.Message);
                case StorageFullException:
                case var full when OutOfRoom.Is(full):
                    return new ReplicaFault(ReplicaLoss.Room, error.Message);
            }
        }

        return new ReplicaFault(ReplicaLoss.Stopped, error.Message);
    }

    /// <summary>Compares what is left on disk after a start. Null when the replica may vote, count and serve.</summary>
    internal static ReplicaFault? Judge(GroupLog log, IReplicatedStateMachine machine, bool ranBefore, bool logKnown)
    {
        if (log.Damage is { } damage)
        {
            return new ReplicaFault(ReplicaLoss.Log, $"its log is damaged: {damage}");
        }

        if (log.Ballot.Term > Ballot.TermMax)
        {
            return new ReplicaFault(ReplicaLoss.Log, $"its term {log.Ballot.Term} is above {Ballot.TermMax}, which no election can have reached");
        }

        if (ranBefore && !logKnown)
        {
            return new ReplicaFault(ReplicaLoss.Log, "its log is gone, with its vote and everything it acknowledged");
        }

        return log.Start.Index > machine.Applied.Index
            ? new ReplicaFault(ReplicaLoss.State, $"its state ends at {machine.Applied}, its log begins only after {log.Start}")
            : null;
    }
}
