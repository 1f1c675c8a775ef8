namespace KvRaft.Storage.State;

/// <summary>
/// When time alone will next change this replica: lower bounds, in shard-clock milliseconds, of the first row of each time index. With them
/// the question "is anything due?" needs no search, and the purge does not pass over the index rows it deleted before. They are not replicated
/// state: a bound that is too low costs one tick that finds nothing and corrects it; it is never too high.
/// <para>The applying thread writes it, any thread reads it.</para>
/// </summary>
internal sealed class DueTimes
{
    /// <summary>Nothing is due.</summary>
    public const long Never = long.MaxValue;

    private long _firstExpiryMs = Never;
    private long _firstIdleGranule = Never;
    private long _firstIdleIndex = Never;

    public long FirstExpiryMs => Volatile.Read(ref _firstExpiryMs);

    public long FirstIdleGranule => Volatile.Read(ref _firstIdleGranule);

    /// <summary>The log index of the first row of the idle queue. For the applying thread.</summary>
    public long FirstIdleIndex => _firstIdleIndex;

    public void ExpiryAdded(long expireAtMs) => Volatile.Write(ref _firstExpiryMs, Math.Min(_firstExpiryMs, expireAtMs));

    public void IdleAdded(long index, long granule)
    {
        _firstIdleIndex = Math.Min(_firstIdleIndex, index);
        Volatile.Write(ref _firstIdleGranule, Math.Min(_firstIdleGranule, granule));
    }

    /// <summary>Sets the bound after a read of the index: its first row is at this time.</summary>
    public void ExpiriesStartAt(long expireAtMs) => Volatile.Write(ref _firstExpiryMs, expireAtMs);

    public void IdleStartsAt(long index, long granule)
    {
        _firstIdleIndex = index;
        Volatile.Write(ref _firstIdleGranule, granule);
    }
}
