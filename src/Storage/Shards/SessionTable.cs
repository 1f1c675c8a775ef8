using System.Buffers.Binary;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Schema;

namespace KvRaft.Storage.Shards;

/// <summary>
/// Makes each stamped write happen at most once, however often it arrives: by a client's retry after a timeout, by a proxy, through
/// another leader, after a restart, a move or a snapshot. A writer numbers its writes; the table keeps the outcome of each, in the same
/// batch as its effect, until the writer says that it has the answer (<see cref="RequestStamp.FirstUnacked"/>).
/// <code>
///              floor = highest FirstUnacked seen                       seen, remembered: same answer again
///                │                                                     not seen: apply
///   1 … 6        7       8       9  …
///   expired      applied applied (open)
/// </code>
/// A number below the floor is refused, never applied: it was acknowledged, or its outcome had to go. (Ongaro, "Consensus:
/// Bridging Theory and Practice", section 6.3, from which the idea comes, leaves open how to forget a client; what follows is the
/// answer here.)
/// <para>
/// <b>Forgetting a writer.</b> A session idle for <see cref="SessionLimits.IdleMs"/> of log time is deleted, and so are the longest-idle ones
/// when the table is full. Then a late retry of a forgotten writer looks like the first write of a new one, and would be applied a second
/// time. So the shard keeps one number, the horizon: the latest time at which a session forgotten so far was still active. A writer
/// whose id was made after it (<see cref="ClientId.CreatedAtMs"/>) cannot have been forgotten. One that is unknown and older might
/// have been: it is refused with <see cref="RefusalReason.RequestIdExpired"/>, and takes a new id if it knows that this request is
/// fresh. The comparison is of a client's clock with the log's; it errs only if the client's runs ahead by more than the idle time.
/// </para>
/// <para>
/// All of it is a function of the log. The loaded sessions are a cache of rows, thrown away at will; nothing iterates over it.
/// </para>
/// </summary>
internal sealed class SessionTable(SessionLimits limits)
{
    /// <summary>Sessions kept loaded; an active writer's session is then found without reading. About 300 bytes each.</summary>
    private const int LoadedMax = 4_096;

    /// <summary>Idle rows looked at for one step of an eviction.</summary>
    private const int EvictionStep = 64;

    private readonly Dictionary<ClientId, Session> _loaded = [];

    /// <summary>Forgets what is loaded, because the rows were replaced.</summary>
    public void Reset() => _loaded.Clear();

    /// <summary>The answer to a request that must not be applied: the remembered one, or a refusal. Null: go on and apply it.</summary>
    public ShardOutcome? Answer(ApplyContext context, RequestStamp stamp, ulong bodyHash)
    {
        var session = Load(context, stamp.Client);
        if (stamp.Sequence < Math.Max(session?.Floor ?? 0, stamp.FirstUnacked))
        {
            return Refuse(RefusalReason.RequestIdExpired);
        }

        if (session is null)
        {
            return stamp.Client.CreatedAtMs <= context.State.SessionHorizonMs ? Refuse(RefusalReason.RequestIdExpired) : null;
        }

        if (!session.Outcomes.ContainsKey(stamp.Sequence))
        {
            return null;
        }

        var row = context.Changes.Get(KeyLayout.Outcome(stamp.Client, stamp.Sequence))
            ?? throw new StorageCorruptionException($"Outcome {stamp.Sequence} of {stamp.Client} has vanished.");
        var (firstHash, outcome) = DecodeRow(row);
        return firstHash == bodyHash ? outcome : Refuse(RefusalReason.RequestIdReused);
    }

    /// <summary>Remembers the outcome of a request that <see cref="Answer"/> let pass.</summary>
    public void Remember(ApplyContext context, RequestStamp stamp, ulong bodyHash, ShardOutcome outcome)
    {
        var session = Load(context, stamp.Client) ?? Begin(context, stamp.Client);
        RaiseFloor(context, session, stamp.FirstUnacked);
        AddOutcome(context, session, stamp.Sequence, EncodeRow(bodyHash, outcome));
        if (session.Outcomes.Count > limits.OutcomesPerSessionMax)
        {
            RaiseFloor(context, session, session.Outcomes.GetKeyAtIndex(0) + 1);
        }

        NoteActivity(context, session);
        context.Changes.Put(KeyLayout.Session(session.Client), session.Encode());
        EvictIfFull(context, except: session.Client);
    }

    /// <summary>
    /// Forgets sessions that were idle too long by the shard's clock, until <paramref name="rowsMax"/> rows are gone; answers how many
    /// were. The last session goes whole, so it may be a few more.
    /// </summary>
    public int PurgeIdle(ApplyContext context, int rowsMax)
    {
        var endGranule = (context.State.Clock - limits.IdleMs) / SessionLimits.GranuleMs;
        var purged = 0;
        while (purged < rowsMax && context.Due.FirstIdleGranule < endGranule)
        {
            if (ReadIdle(context, endGranule, EvictionStep) is not { Count: > 0 } idle)
            {
                context.Due.IdleStartsAt(FirstGranuleFrom(context, endGranule));
                break;
            }

            for (var i = 0; i < idle.Count && purged < rowsMax; i++)
            {
                context.Due.IdleStartsAt(idle[i].Granule);
                purged += Forget(context, idle[i].Client, idle[i].Granule);
            }
        }

        return purged;
    }

    /// <summary>Whether <see cref="PurgeIdle"/> would have work at a time.</summary>
    public bool IsPurgeDue(DueTimes due, long nowMs) => due.FirstIdleGranule < (nowMs - limits.IdleMs) / SessionLimits.GranuleMs;

    /// <summary>
    /// What became of a write, by the same rules as <see cref="Answer"/>; for readers, who see the rows of one moment and share nothing
    /// with the applying thread.
    /// </summary>
    public static RequestFate FateOf(IEngineSnapshot rows, in ShardState state, ClientId client, ulong sequence)
    {
        if (rows.Get(KeyLayout.Outcome(client, sequence)) is { } outcome)
        {
            return new(RequestKnowledge.Remembered, DecodeRow(outcome).Outcome);
        }

        var isForgotten = rows.Get(KeyLayout.Session(client)) is { } session
            ? sequence < Session.Decode(client, session).Floor
            : client.CreatedAtMs <= state.SessionHorizonMs;
        return new(isForgotten ? RequestKnowledge.Forgotten : RequestKnowledge.NotSeen);
    }

    /// <summary>The outcome in a row, marked as a repeat, and the hash of the request it answered.</summary>
    public static (ulong BodyHash, ShardOutcome Outcome) DecodeRow(byte[] row) => row.Length > sizeof(ulong)
        ? (BinaryPrimitives.ReadUInt64LittleEndian(row), OutcomeCodec.DecodeRemembered(row.AsMemory(sizeof(ulong))))
        : throw new StorageCorruptionException("An outcome row is cut short.");

    private static byte[] EncodeRow(ulong bodyHash, ShardOutcome outcome)
    {
        var encoded = OutcomeCodec.EncodeForMemory(outcome);
        var row = new byte[sizeof(ulong) + encoded.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(row, bodyHash);
        encoded.CopyTo(row, sizeof(ulong));
        return row;
    }

    private static ShardOutcome Refuse(RefusalReason reason) => new() { Status = ShardStatus.Refused, Reason = reason };

    private static Session Begin(ApplyContext context, ClientId client)
    {
        context.State.Sessions++;
        return new(client);
    }

    private Session? Load(ApplyContext context, ClientId client)
    {
        if (_loaded.TryGetValue(client, out var loaded))
        {
            return loaded;
        }

#if PLANTED_BUGS
        if (PlantedBug.Is("sessions-forgotten-at-start")) { return null; }
#endif
        if (context.Changes.Get(KeyLayout.Session(client)) is not { } row)
        {
            return null;
        }

        var session = Session.Decode(client, row);
        var first = KeyLayout.Outcome(client, 0);
        foreach (var (key, value) in context.Changes.Read(first, KeyLayout.AfterPrefix(first.AsSpan(0, 1 + ClientId.Size)), int.MaxValue))
        {
            session.Outcomes.Add(KeyLayout.SequenceOfOutcome(key), key.Length + value.Length);
        }

        Keep(session);
        return session;
    }

    private void Keep(Session session)
    {
        if (_loaded.Count >= LoadedMax)
        {
            _loaded.Clear();
        }

        _loaded[session.Client] = session;
    }

    private void AddOutcome(ApplyContext context, Session session, ulong sequence, byte[] row)
    {
        var key = KeyLayout.Outcome(session.Client, sequence);
        context.Changes.Put(key, row);
        session.Outcomes.Add(sequence, key.Length + row.Length);
        context.State.Outcomes++;
        context.State.SessionBytes += key.Length + row.Length;
        Keep(session);
    }

    private static void RaiseFloor(ApplyContext context, Session session, ulong floor)
    {
        session.Floor = Math.Max(session.Floor, floor);
        var acknowledged = 0;
        while (acknowledged < session.Outcomes.Count && session.Outcomes.GetKeyAtIndex(acknowledged) < session.Floor)
        {
            DeleteOutcome(context, session, acknowledged);
            acknowledged++;
        }

        // From the end, so that one removal moves few entries.
        while (acknowledged > 0)
        {
            session.Outcomes.RemoveAt(--acknowledged);
        }
    }

    private static void DeleteOutcome(ApplyContext context, Session session, int index)
    {
        context.Changes.Delete(KeyLayout.Outcome(session.Client, session.Outcomes.GetKeyAtIndex(index)));
        context.State.Outcomes--;
        context.State.SessionBytes -= session.Outcomes.GetValueAtIndex(index);
    }

    private static void NoteActivity(ApplyContext context, Session session)
    {
        var granule = context.State.Clock / SessionLimits.GranuleMs;
        if (session.Granule == granule)
        {
            return;
        }

        if (session.Granule is { } before)
        {
            context.Changes.Delete(KeyLayout.Idle(before, session.Client));
        }

        session.Granule = granule;
        context.Changes.Put(KeyLayout.Idle(granule, session.Client), []);
        context.Due.IdleAdded(granule);
    }

    private void EvictIfFull(ApplyContext context, ClientId except)
    {
        if (Entries(context) <= limits.EntriesMax && context.State.SessionBytes <= limits.BytesMax)
        {
            return;
        }

        var evicted = -1;
        while (evicted != 0 && IsAboveEvictionTarget(context))
        {
            evicted = 0;
            foreach (var (granule, client) in ReadIdle(context, endGranule: long.MaxValue, EvictionStep))
            {
                if (client != except && IsAboveEvictionTarget(context))
                {
                    evicted += Forget(context, client, granule);
                }
            }
        }

        context.Due.IdleStartsAt(FirstGranuleFrom(context, context.Due.FirstIdleGranule));
    }

    private bool IsAboveEvictionTarget(ApplyContext context) =>
        Entries(context) > SessionLimits.AfterEviction(limits.EntriesMax)
        || context.State.SessionBytes > SessionLimits.AfterEviction(limits.BytesMax);

    private static long Entries(ApplyContext context) => context.State.Sessions + context.State.Outcomes;

    /// <summary>Deletes all of a session and moves the horizon past its last activity; answers how many rows that took.</summary>
    private int Forget(ApplyContext context, ClientId client, long granule)
    {
        var session = Load(context, client) ?? throw new StorageCorruptionException($"Session {client} is in the idle index and nowhere else.");
        var outcomes = session.Outcomes.Count;
        for (var i = 0; i < outcomes; i++)
        {
            DeleteOutcome(context, session, i);
        }

        context.Changes.Delete(KeyLayout.Session(client));
        context.Changes.Delete(KeyLayout.Idle(granule, client));
        _loaded.Remove(client);
        context.State.Sessions--;
        var lastActiveMs = Math.Min((granule + 1) * SessionLimits.GranuleMs, context.State.Clock);
        context.State.SessionHorizonMs = Math.Max(context.State.SessionHorizonMs, lastActiveMs);
        return outcomes + 1;
    }

    private static List<(long Granule, ClientId Client)> ReadIdle(ApplyContext context, long endGranule, int rowsMax) =>
        [.. context.Changes
            .Read(KeyLayout.IndexAt(KeyLayout.IdlePrefix, context.Due.FirstIdleGranule), EndOfIdle(endGranule), rowsMax)
            .Select(row => KeyLayout.PartsOfIdle(row.Key))];

    private static long FirstGranuleFrom(ApplyContext context, long granule) =>
        context.Changes.Read(KeyLayout.IndexAt(KeyLayout.IdlePrefix, granule), EndOfIdle(long.MaxValue), rowsMax: 1) is [var first, ..]
            ? KeyLayout.PartsOfIdle(first.Key).Granule
            : DueTimes.Never;

    private static byte[] EndOfIdle(long endGranule) =>
        endGranule == long.MaxValue ? KeyLayout.AfterPrefix([KeyLayout.IdlePrefix]) : KeyLayout.IndexAt(KeyLayout.IdlePrefix, endGranule);
}
