namespace KvRaft.Client.Sessions;

/// <summary>
/// A writer as the shards identify it: an id and a counter. It numbers writes and tracks the lowest unanswered number; the shards may discard
/// outcomes below it. A write with an unknown outcome stays unanswered, so the shards keep its outcome; <see cref="SessionSequence"/> starts a new
/// session before this costs too much. Thread-safe: one short lock.
/// </summary>
internal sealed class WriteSession(Guid clientId)
{
    private readonly Lock _lock = new();

    // Numbers from _firstUnacked on that were answered while a lower one was not.
    private readonly HashSet<long> _answered = [];
    private long _next = 1;
    private long _firstUnacked = 1;

    public Guid ClientId { get; } = clientId;

    /// <summary>The id in the wire format: 16 bytes, big-endian.</summary>
    public Google.Protobuf.ByteString ClientIdBytes { get; } =
        Google.Protobuf.ByteString.CopyFrom(clientId.ToByteArray(bigEndian: true));

    public long FirstUnacked
    {
        get
        {
            lock (_lock)
            {
                return _firstUnacked;
            }
        }
    }

    /// <returns>False if <paramref name="window"/> numbers from the lowest unanswered one on are already assigned.</returns>
    public bool TryBegin(int window, out WriteStamp stamp)
    {
        lock (_lock)
        {
            if (_next - _firstUnacked >= window)
            {
                stamp = default;
                return false;
            }

            stamp = new WriteStamp(this, _next++, _firstUnacked);
            return true;
        }
    }

    /// <summary>The write has its final answer and will not be sent again.</summary>
    public void Complete(long sequence)
    {
        lock (_lock)
        {
            Topology.Invariant.Holds(sequence >= _firstUnacked && sequence < _next, "a write is completed once, after it began");
            if (sequence != _firstUnacked)
            {
                _answered.Add(sequence);
                return;
            }

            do
            {
                _firstUnacked++;
            }
            while (_answered.Remove(_firstUnacked));
        }
    }
}
