using KvRaft.Eventual.Causality;

namespace KvRaft.Eventual.Replicas;

/// <summary>The bytes stored under a key are not a record. Unlike a malformed message, the damage is permanent, and the record must be set aside.</summary>
internal sealed class DamagedRecordException(EventualKey key, string message) : EventualFormatException(message)
{
    public EventualKey Key => key;

    /// <exception cref="DamagedRecordException">The bytes are not a record.</exception>
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

    /// <summary>The part of the bytes of a record that is its state.</summary>
    /// <exception cref="DamagedRecordException">The bytes do not begin with the head of a record.</exception>
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
