using KvRaft.Storage;

namespace KvRaft.Eventual.Replicas;

/// <summary>Why the store of eventual keys takes no writes. The node and everything else on it go on.</summary>
internal enum OutageKind
{
    /// <summary>The disk has no room. Reads are served; the store is opened anew when there is room.</summary>
    NoRoom,

    /// <summary>Files could not be read back. They were set aside, and what can be read of them is copied into a new store; until then nothing is read or written.</summary>
    Damage,
}

/// <summary>An outage of the store.</summary>
internal sealed record StoreOutage(OutageKind Kind, string Reason)
{
    /// <summary>What an exception of the engine means for the store; null: the device cannot be trusted any more, and the node must stop.</summary>
    public static StoreOutage? Of(Exception error) => error switch
    {
        StorageFullException => new StoreOutage(OutageKind.NoRoom, error.Message),
        StorageCorruptionException { IsFailedWrite: false } => new StoreOutage(OutageKind.Damage, error.Message),
        IOException { HResult: NoSpaceLeft or QuotaExceeded } => new StoreOutage(OutageKind.NoRoom, error.Message),
        _ => null,
    };

    /// <summary>ENOSPC and EDQUOT of Linux, which .NET hands on as they are.</summary>
    private const int NoSpaceLeft = 28;

    private const int QuotaExceeded = 122;

    /// <summary>What a request gets meanwhile.</summary>
    public StorageException ToException() => Kind == OutageKind.NoRoom
        ? new StorageFullException($"The store of eventual keys takes no writes until its disk has room: {Reason}")
        : new StoreRebuildingException($"The store of eventual keys is rebuilt: {Reason}");
}

/// <summary>The store of eventual keys was damaged and is not open yet. Nothing was read or written.</summary>
internal sealed class StoreRebuildingException(string message) : StorageException(message);

/// <summary>How the store is, for status, metrics and logs. Immutable.</summary>
/// <param name="Outage">Null: it takes reads and writes.</param>
/// <param name="Rebuilds">How often it was set aside as damaged and begun anew since the process started.</param>
/// <param name="RecordsSetAside">Single records that could not be read, set aside since the process started.</param>
/// <param name="RecordsLost">Records, or stretches of them, that could not be copied out of damaged files since the process started.</param>
/// <param name="HasSetAside">Damaged files are kept until this node's word counts again in every arc it keeps.</param>
internal sealed record StoreHealth(StoreOutage? Outage, int Rebuilds, int RecordsSetAside, long RecordsLost, bool HasSetAside)
{
    public static readonly StoreHealth Well = new(null, 0, 0, 0, false);
}
