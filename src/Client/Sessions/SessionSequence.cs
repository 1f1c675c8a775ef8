namespace KvRaft.Client.Sessions;

/// <summary>
/// Assigns the request ids of a client's writes: one session after another. A new session is opened
/// <list type="bullet">
/// <item>if a write is unanswered while a whole window of numbers is assigned after it: it blocks <see cref="WriteSession.FirstUnacked"/>, and with
/// it the removal of outcomes on the shards;</item>
/// <item>if a shard refuses a number of the session because it had to discard outcomes.</item>
/// </list>
/// The old session is used only by the writes that already have a number in it. If a shard discards an idle session, the session does not end: the
/// next write proves with <see cref="WriteStamp.After"/> that it is new. Thread-safe.
/// </summary>
internal sealed class SessionSequence
{
    /// <summary>
    /// The number of writes after the oldest unanswered one. 4096: four full pipes of 1024, so that normal traffic to a few nodes never changes the
    /// session. At about 100 bytes per outcome, a session costs all shards together less than half a MiB.
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

    /// <summary>No further write starts in <paramref name="session"/>.</summary>
    public void Retire(WriteSession session)
    {
        lock (_lock)
        {
            // Another thread may already have replaced it.
            if (ReferenceEquals(session, _current))
            {
                Volatile.Write(ref _current, Open());
            }
        }
    }

    private WriteSession Open() => new(_newClientId());
}
