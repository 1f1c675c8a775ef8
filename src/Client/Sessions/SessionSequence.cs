namespace KvRaft.Client.Sessions;

/// <summary>
/// Hands out the names of a client's writes: sessions one after the other. A new one is opened
/// <list type="bullet">
/// <item>when a write stays unanswered while a whole window is handed out past it: it holds back
/// <see cref="WriteSession.FirstUnacked"/>, and with it the outcomes the shards must remember;</item>
/// <item>when the session has become old: shards forget idle sessions and tell by the time in the id (a UUID of version 7)
/// whether an unknown session is new or forgotten, so a client that talks to a shard for the first time does it with a young one;</item>
/// <item>when a shard says it has forgotten the session.</item>
/// </list>
/// The old session is left to the writes that still carry it. Safe for many threads.
/// </summary>
internal sealed class SessionSequence
{
    /// <summary>
    /// Writes past the oldest unanswered one. 4096: four full pipes of 1024, so that healthy traffic to a few nodes never
    /// changes sessions, and at some 100 bytes an outcome a session costs the shards together less than half a MiB.
    /// </summary>
    public const int DefaultWindow = 4096;

    /// <summary>Five minutes: well below the time after which a shard forgets an idle session, and still so long that the row a
    /// session costs in each shard is written seldom.</summary>
    public static readonly TimeSpan DefaultAgeMax = TimeSpan.FromMinutes(5);

    private readonly Lock _lock = new();
    private readonly Func<Guid> _newClientId;
    private readonly TimeProvider _time;
    private readonly int _window;
    private readonly TimeSpan _ageMax;
    private WriteSession _current;

    public SessionSequence(Func<Guid> newClientId, TimeProvider time, int window = DefaultWindow, TimeSpan? ageMax = null)
    {
        _newClientId = newClientId;
        _time = time;
        _window = window;
        _ageMax = ageMax ?? DefaultAgeMax;
        _current = Open();
    }

    public WriteSession Current => Volatile.Read(ref _current);

    public WriteStamp Begin()
    {
        while (true)
        {
            var session = Current;
            if (_time.GetElapsedTime(session.OpenedAt) < _ageMax && session.TryBegin(_window, out var stamp))
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

    private WriteSession Open() => new(_newClientId(), _time.GetTimestamp());
}
