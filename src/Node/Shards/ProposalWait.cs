using KvRaft.Raft.Options;

namespace KvRaft.Node.Shards;

/// <summary>
/// How long a write would wait before its answer, from the times of the writes ahead of it. Commands travel in entries, many to one, so the
/// queue moves by rounds: a write with so many commands and bytes ahead of it takes part in the first round that has space for it,
/// and a round takes as long as recent rounds took. Thread-safe.
/// </summary>
internal sealed class ProposalWait(TimeProvider time)
{
    /// <summary>A new measurement counts for a sixteenth: one slow fsync causes no refusals, ten do.</summary>
    private const int Smoothing = 16;

    /// <summary>
    /// How long a write may wait, whatever its deadline: a little less than a client gives one attempt by default. Otherwise callers with long deadlines fill the queue up to these,
    /// and callers with shorter ones are refused for as long as that lasts.
    /// </summary>
    public static readonly TimeSpan WaitMax = TimeSpan.FromMilliseconds(900);

    /// <summary>Writes up to this size are bounded by <see cref="WaitMax"/> alone.</summary>
    public const int SmallBytesMax = 16 * 1024;

    /// <summary>
    /// Bytes that may wait before a larger write is refused: four full entries, some tenths of a second of a busy disk. Time alone is no bound for large writes: a round of them takes
    /// many times as long as the rounds of small writes that were measured before.
    /// </summary>
    public const long LargeBytesMax = 16L << 20;

    private static readonly RaftGroupLimits Limits = new();

    private long _commands;
    private long _bytes;

    // Ticks of TimeSpan; 0 until the first measurement. A lost update of two concurrent measurements does no harm.
    private long _roundTicks;

    /// <summary>
    /// The present wait of a write of so many bytes. Zero before the first measurement, and for a write that fits into the next entry: that one is
    /// always tried. Otherwise measurements of a slow period would refuse all writes, and so never be corrected.
    /// </summary>
    public TimeSpan Expected(int bytes)
    {
        var rounds = Rounds(Volatile.Read(ref _commands), Volatile.Read(ref _bytes) + bytes);
        return rounds < 2 ? TimeSpan.Zero : TimeSpan.FromTicks((long)(Volatile.Read(ref _roundTicks) * rounds));
    }

    /// <summary>Bytes of the writes that wait.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

    /// <summary>Whether a write may wait behind those that wait now.</summary>
    /// <param name="bytes">The size of the write, with the values that it rewrites or returns.</param>
    public bool HasRoomFor(int bytes) => bytes <= SmallBytesMax || Bytes + bytes <= LargeBytesMax;

    public Place Enter(int bytes)
    {
        var commandsAhead = Interlocked.Increment(ref _commands) - 1;
        var bytesUpToHere = Interlocked.Add(ref _bytes, bytes);
        return new Place(time.GetTimestamp(), bytes, Rounds(commandsAhead, bytesUpToHere));
    }

    public void Leave(Place place)
    {
        Interlocked.Decrement(ref _commands);
        Interlocked.Add(ref _bytes, -place.Bytes);
    }

    /// <summary>It was applied: the time it took is a measurement of a round.</summary>
    public void Took(Place place)
    {
        var round = (long)(time.GetElapsedTime(place.Began).Ticks / place.Rounds);
        var before = Volatile.Read(ref _roundTicks);
        Volatile.Write(ref _roundTicks, before == 0 ? round : before + ((round - before) / Smoothing));
    }

    /// <summary>The round a write takes part in: its own, and one for each full entry ahead of it.</summary>
    private static double Rounds(long commandsAhead, long bytes) =>
        1 + Math.Max((double)commandsAhead / Limits.CommandsPerEntryMax, (double)bytes / Limits.EntryBytesMax);

    /// <summary>The position of a write in the queue at its arrival.</summary>
    public readonly record struct Place(long Began, int Bytes, double Rounds);
}
