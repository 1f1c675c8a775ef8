namespace KvRaft.Client;

/// <summary>
/// Turns keys or values into bytes and back. Implementations are called by many threads at once, must not keep the memory they
/// are given beyond the call unless they return it, and must give the same bytes for equal keys: the bytes are the key.
/// </summary>
public interface IKvSerializer<T>
{
    ReadOnlyMemory<byte> Serialize(T value);

    /// <param name="bytes">Belongs to the answer; never changed or reused, so it may be kept.</param>
    T Deserialize(ReadOnlyMemory<byte> bytes);
}
