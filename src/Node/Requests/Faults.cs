using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Replicas;
using KvRaft.Storage;
using KvRaft.V1;

namespace KvRaft.Node.Requests;

/// <summary>The failure that a caller receives for an exception that no code above expected.</summary>
internal static class Faults
{
    public static Failure ToFailure(Exception error, bool isWrite)
    {
        var execution = isWrite ? Execution.Unknown : Execution.NotExecuted;
        return error switch
        {
            FailureException known => known.Failure,
            StorageFullException => Failure.StoreFull(execution),
            StorageUnavailableException => Failure.StoreRefused(execution),
            StoreRebuildingException => Failure.StoreRebuilding(Execution.NotExecuted),
            StorageCorruptionException or EventualFormatException => new Failure(
                ErrorReasons.CorruptReplica, execution, "this replica's data are damaged; another replica will take over"),
            _ => Failure.Internal(execution),
        };
    }
}
