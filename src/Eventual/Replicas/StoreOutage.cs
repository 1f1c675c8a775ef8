using KvRaft.Storage;

namespace KvRaft.Eventual.Replicas;

/// <summary>Why the store of eventual keys refuses writes. The rest of the node continues.</summary>
internal enum OutageKind
{
    /// <summary>The disk is full. Reads are served; the store is reopened when there is free space.</summary>
    NoRoom,

    /// <summary>The system refused a descriptor, memory or access. Reads are attempted; the store is reopened after a wait.</summary>
    Refused,

    /// <summary>Files could not be read. They were set aside, and their readable part is copied into a new store; until then nothing is read or
    /// written.</summary>
    Damage,
}

/// <summary>An outage of the store.</summary>
internal sealed record StoreOutage(OutageKind Kind, string Reason)
{
    /// <summary>What an exception of the engine means for the store; null: the device is no longer reliable, and the node must stop.</summary>
    public static StoreOutage? Of(Exception error) => error switch
    {
        StorageFullException => new StoreOutage(OutageKind.NoRoom, error.Message),
        StorageCorruptionException { IsFailedWrite: false } => new StoreOutage(OutageKind.Damage, error.Message),
        StorageUnavailableException => new StoreOutage(OutageKind.Refused, error.Message),
        _ when FullDisk.Is(error) => new StoreOutage(OutageKind.NoRoom, error.Message),
        _ when EnvironmentFault.Is(error) => new StoreOutage(OutageKind.Refused, error.Message),
        _ => null,
    };

    /// <summary>The exception for requests during the outage.</summary>
    public StorageException ToException() => Kind switch
    {
        OutageKind.NoRoom => new StorageFullException($"The store of eventual keys refuses writes until its disk has free space: {Reason}"),
        OutageKind.Refused => new StorageUnavailableException($"The store of eventual keys refuses writes until the system grants it descriptors, memory and access: {Reason}"),
        _ => new StoreRebuildingException($"The store of eventual keys is rebuilt: {Reason}"),
    };
}

/// <summary>The store of eventual keys was damaged and is not open yet. Nothing was read or written.</summary>
internal sealed class StoreRebuildingException(string message) : StorageException(message);

/// <summary>The state of the store, for status, metrics and logs. Immutable.</summary>
/// <param name="Outage">Null: the store accepts reads and writes.</param>
/// <param name="Rebuilds">How often the store was set aside as damaged and built anew since the process started.</param>
/// <param name="RecordsSetAside">Single unreadable records that were set aside since the process started.</param>
/// <param name="RecordsLost">Records, or ranges of them, that could not be copied out of damaged files since the process started.</param>
/// <param name="HasSetAside">Damaged files are kept until the answers of this node count again in every token range it holds.</param>
internal sealed record StoreHealth(StoreOutage? Outage, int Rebuilds, int RecordsSetAside, long RecordsLost, bool HasSetAside)
{
    public static readonly StoreHealth Well = new(null, 0, 0, 0, false);
}
