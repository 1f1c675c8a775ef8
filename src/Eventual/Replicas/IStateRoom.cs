namespace KvRaft.Eventual.Replicas;

/// <summary>
/// Memory for the states that one read collects, reserved before they are read or fetched: a state can be megabytes, and one read holds one per replica
/// at once.
/// Disposal releases everything. Thread-safe.
/// </summary>
internal interface IStateRoom : IDisposable
{
    /// <summary>Bytes to try first, because the size of a state is unknown before it is read: most are smaller.</summary>
    int Guess { get; }

    /// <exception cref="NoRoomException">There is not enough memory; nothing was reserved.</exception>
    ValueTask TakeAsync(long bytes, CancellationToken cancellationToken);

    void Give(long bytes);
}

/// <summary>The reading node has no memory for a state. The read changed nothing.</summary>
internal sealed class NoRoomException(string message, Exception? cause = null) : Exception(message, cause);
