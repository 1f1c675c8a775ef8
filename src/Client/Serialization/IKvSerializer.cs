namespace KvRaft.Client;

/// <summary>
/// Converts keys or values to bytes and back. An implementation must be thread-safe, must not keep the memory that it receives after the call unless
/// it returns it, and must return the same bytes for equal keys: the bytes are the key.
/// </summary>
public interface IKvSerializer<T>
{
    ReadOnlyMemory<byte> Serialize(T value);

    /// <param name="bytes">Owned by the answer; never changed or reused, so it may be kept.</param>
    T Deserialize(ReadOnlyMemory<byte> bytes);
}
