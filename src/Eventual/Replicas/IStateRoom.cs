namespace KvRaft.Eventual.Replicas;

/// <summary>
/// Room for the states that one read collects, taken before they are read or fetched: a state can be megabytes, and one read has one of each replica at once.
/// Disposing gives back everything. Thread-safe.
/// </summary>
internal interface IStateRoom : IDisposable
{
    /// <summary>Bytes to try first, because the size of a state is not known before it is read: most are smaller.</summary>
    int Guess { get; }

    /// <exception cref="NoRoomException">There is no room; nothing was taken.</exception>
    ValueTask TakeAsync(long bytes, CancellationToken cancellationToken);

    void Give(long bytes);
}

/// <summary>The node that reads has no room for a state. The read changed nothing.</summary>
internal sealed class NoRoomException(string message, Exception? cause = null) : Exception(message, cause);
