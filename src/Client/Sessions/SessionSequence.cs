namespace KvRaft.Client.Sessions;

/// <summary>
/// Hands out the identities of a client's writes: sessions one after the other. A new one is opened
/// <list type="bullet">
/// <item>when a write stays unanswered while a whole window of numbers is handed out after it: it holds back
/// <see cref="WriteSession.FirstUnacked"/>, and with it the outcomes that the shards must remember;</item>
/// <item>when a shard refuses the session's number because it had to drop outcomes.</item>
/// </list>
/// The old session is left to the writes that still carry it. A shard that forgets an idle session does not end it: the next write proves by
/// <see cref="WriteStamp.After"/> that it is new. Safe for many threads.
/// </summary>
internal sealed class SessionSequence
{
    /// <summary>
    /// Writes past the oldest unanswered one. 4096: four full pipes of 1024, so that healthy traffic to a few nodes never
    /// changes sessions, and at some 100 bytes an outcome a session costs the shards together less than half a MiB.
    /// </summary>
    public const int DefaultWindow = 4096;

    private readonly Lock _lock = new();
    private readonly Func<Guid> _newClientId;
    private readonly int _window;
    private WriteSession _current;

    public SessionSequence(Func<Guid> newClientId, int window = DefaultWindow)
    {
        _newClientId = newClientId;
        _window = window;
        _current = Open();
    }

    public WriteSession Current => Volatile.Read(ref _current);

    public WriteStamp Begin()
    {
        while (true)
        {
            var session = Current;
            if (session.TryBegin(_window, out var stamp))
            {
                return stamp;
            }

            Retire(session);
        }
    }

    /// <summary>No further write begins in <paramref name="session"/>.</summary>
    public void Retire(WriteSession session)
    {
        lock (_lock)
        {
            // Another thread may have replaced it already.
            if (ReferenceEquals(session, _current))
            {
                Volatile.Write(ref _current, Open());
            }
        }
    }

    private WriteSession Open() => new(_newClientId());
}
