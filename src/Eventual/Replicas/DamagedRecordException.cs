using KvRaft.Eventual.Causality;

namespace KvRaft.Eventual.Replicas;

/// <summary>What is stored under a key is no record. Unlike a mistake in a message, it stays, and is to be set aside.</summary>
internal sealed class DamagedRecordException(EventualKey key, string message) : EventualFormatException(message)
{
    public EventualKey Key => key;

    /// <exception cref="DamagedRecordException">The bytes are no record.</exception>
    public static StoredRecord Decode(EventualKey key, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return StoredRecord.Decode(bytes);
        }
        catch (EventualFormatException damaged)
        {
            throw new DamagedRecordException(key, damaged.Message);
        }
    }

    /// <summary>The part of a record's bytes that is its state.</summary>
    /// <exception cref="DamagedRecordException">The bytes do not begin as a record does.</exception>
    public static ReadOnlyMemory<byte> StateOf(EventualKey key, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return StoredRecord.StateOf(bytes);
        }
        catch (EventualFormatException damaged)
        {
            throw new DamagedRecordException(key, damaged.Message);
        }
    }
}
