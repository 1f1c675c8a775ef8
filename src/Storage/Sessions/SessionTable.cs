using System.Buffers.Binary;
using KvRaft.Storage.Commands;
using KvRaft.Storage.Engine;
using KvRaft.Storage.Schema;
using KvRaft.Storage.State;

namespace KvRaft.Storage.Sessions;

/// <summary>
/// Applies each stamped write at most once, however often it arrives: by a retry of a client after a timeout, by a proxy, through
/// another leader, after a restart, a move or a snapshot. A writer numbers its writes. The table stores the outcome of each, in the same
/// batch as its effect, until the writer acknowledges the answer (<see cref="RequestStamp.FirstUnacked"/>).
/// <code>
///              floor = highest FirstUnacked seen                       seen, remembered: same answer again
///                │                                                     not seen: apply
///   1 … 6        7       8       9  …
///   expired      applied applied (open)
/// </code>
/// A number below the floor is refused, never applied: it was acknowledged, or its outcome was discarded. (The idea comes from Ongaro, "Consensus:
/// Bridging Theory and Practice", section 6.3, which leaves open how to discard a client; the following is the
/// answer here.)
/// <para>
/// <b>Discarding a writer.</b> A session that is idle for <see cref="SessionLimits.IdleMs"/> of the shard's clock is deleted. While the table is full,
/// each write
/// also deletes a few of the longest-idle sessions. A late retry of a discarded writer then looks like the first
/// write of a new one, and must not be applied a second time. So the shard keeps one number, the horizon: the highest log index at which a
/// session that was discarded since had a write applied. A write carries an index of this shard's log that its writer had seen applied
/// before it sent the write for the first time (<see cref="RequestStamp.After"/>). If the write was ever applied, it was applied above
/// that index. Therefore:
/// <code>
///   not remembered, After at or above the horizon:  no discarded session can have applied it: apply
///   not remembered, After below the horizon:        it may have been applied and discarded: refuse, RequestIdExpired
/// </code>
/// A writer whose session was discarded keeps its id and begins again. The new session remembers the horizon of its beginning, and that one
/// applies to it, so that a late copy of a write of the earlier session is refused too.
/// The refusal is an outcome of the log, so a writer that never sent the write before takes the index of the refusal and sends again.
/// No clocks are compared. The clock of a client, a jump of the shard's clock and the rounding of idle times decide how soon a
/// session is discarded, and never whether a write is applied twice or a new writer is accepted.
/// </para>
/// <para>
/// All of it is a function of the log. The loaded sessions and the read-ahead of the idle queue are caches of rows, which may be discarded at any time.
/// </para>
/// </summary>
internal sealed partial class SessionTable(SessionLimits limits)
{
    /// <summary>Sessions kept loaded; the session of an active writer is then found without a read. About 300 bytes each.</summary>
    private const int LoadedMax = 4_096;

    private readonly Dictionary<ClientId, Session> _loaded = [];
    private readonly IdleQueue _idle = new();

    /// <summary>Discards the loaded sessions, because the rows were replaced.</summary>
    public void Reset()
    {
        _loaded.Clear();
        _idle.Reset();
    }

    /// <summary>The answer to a request that must not be applied: the remembered one, or a refusal. Null: apply the request.</summary>
    public ShardOutcome? Answer(ApplyContext context, RequestStamp stamp, ulong bodyHash)
    {
        var session = Load(context, stamp.Client);
        if (stamp.Sequence < Math.Max(session?.Floor ?? 0, stamp.FirstUnacked))
        {
            return Refuse(RefusalReason.RequestIdExpired);
        }

        if (session is null || !session.Outcomes.ContainsKey(stamp.Sequence))
        {
            return IsProvenNew(stamp, session?.Horizon ?? context.State.SessionHorizon, nextIndex: context.Index)
                ? null
                : Refuse(RefusalReason.RequestIdExpired);
        }

        var row = context.Changes.Get(KeyLayout.Outcome(stamp.Client, stamp.Sequence))
            ?? throw new StorageCorruptionException($"Outcome {stamp.Sequence} of {stamp.Client} is missing.");
        var (firstHash, outcome) = DecodeRow(row);
        return firstHash == bodyHash ? outcome : Refuse(RefusalReason.RequestIdReused);
    }

    /// <summary>Remembers the outcome of a request that <see cref="Answer"/> let pass.</summary>
    public void Remember(ApplyContext context, RequestStamp stamp, ulong bodyHash, ShardOutcome outcome)
    {
        var session = Load(context, stamp.Client) ?? Begin(context, stamp.Client);
        RaiseFloor(context, session, stamp.FirstUnacked);
        var row = EncodeRow(bodyHash, outcome);
        AddOutcome(context, session, stamp.Sequence, row);
        if (session.Outcomes.Count > limits.OutcomesPerSessionMax)
        {
            RaiseFloor(context, session, session.Outcomes.GetKeyAtIndex(0) + 1);
        }

        NoteActivity(context, session);
        context.Changes.Put(KeyLayout.Session(session.Client), session.Encode());
        EvictIfFull(context, session.Client, row.Length);
    }

    /// <summary>
    /// Discards sessions that were idle too long by the clock of the shard, until <paramref name="rowsMax"/> rows are deleted; returns the number of deleted
    /// rows.
    /// </summary>
    public int PurgeIdle(ApplyContext context, int rowsMax)
    {
        var endGranule = (context.State.Clock - limits.IdleMs) / SessionLimits.GranuleMs;
        var purged = 0;
        while (purged < rowsMax && First(context) is { } session && session.Granule < endGranule)
        {
            purged += Forget(context, session, rowsMax - purged);
        }

        NoteFirstIdle(context);
        return purged;
    }

    /// <summary>Whether <see cref="PurgeIdle"/> would have work at a time.</summary>
    public bool IsPurgeDue(DueTimes due, long nowMs) => due.FirstIdleGranule < (nowMs - limits.IdleMs) / SessionLimits.GranuleMs;

    /// <summary>
    /// The fate of a write, by the same rules as <see cref="Answer"/>; for readers, which see the rows of one moment and share nothing
    /// with the applying thread.
    /// </summary>
    public static RequestFate FateOf(IEngineSnapshot rows, in ShardState state, RequestStamp stamp)
    {
        if (rows.Get(KeyLayout.Outcome(stamp.Client, stamp.Sequence)) is { } outcome)
        {
            return new(RequestKnowledge.Remembered, DecodeRow(outcome).Outcome);
        }

        var session = rows.Get(KeyLayout.Session(stamp.Client)) is { } row ? Session.Decode(stamp.Client, row) : null;
        var isForgotten = stamp.Sequence < session?.Floor
            || !IsProvenNew(stamp, session?.Horizon ?? state.SessionHorizon, nextIndex: state.Applied.Index + 1);
        return new(isForgotten ? RequestKnowledge.Forgotten : RequestKnowledge.NotSeen);
    }

    /// <summary>Finds the first row of the idle queue, for <see cref="DueTimes"/>.</summary>
    public static void FindFirstIdle(IEngineSnapshot rows, DueTimes due)
    {
        using var queue = rows.Scan([KeyLayout.IdlePrefix], KeyLayout.AfterPrefix([KeyLayout.IdlePrefix]));
        if (queue.MoveNext())
        {
            due.IdleStartsAt(KeyLayout.PartsOfIdle(queue.Key).Index, IdleQueue.GranuleOf(queue.Value));
        }
        else
        {
            due.IdleStartsAt(DueTimes.Never, DueTimes.Never);
        }
    }

    /// <summary>The outcome in a row, marked as a repeat, and the hash of the request it answered.</summary>
    public static (ulong BodyHash, ShardOutcome Outcome) DecodeRow(byte[] row) => row.Length > sizeof(ulong)
        ? (BinaryPrimitives.ReadUInt64LittleEndian(row), OutcomeCodec.DecodeRemembered(row.AsMemory(sizeof(ulong))))
        : throw new StorageCorruptionException("An outcome row is truncated.");

    private static byte[] EncodeRow(ulong bodyHash, ShardOutcome outcome)
    {
        var encoded = OutcomeCodec.EncodeForMemory(outcome);
        var row = new byte[sizeof(ulong) + encoded.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(row, bodyHash);
        encoded.CopyTo(row, sizeof(ulong));
        return row;
    }

    private static ShardOutcome Refuse(RefusalReason reason) => new() { Status = ShardStatus.Refused, Reason = reason };

    /// <summary>
    /// No session that was discarded up to the horizon can have applied this write. An index that this log has not reached was seen in another
    /// cluster, or is invented: it proves nothing.
    /// </summary>
    private static bool IsProvenNew(RequestStamp stamp, long horizon, long nextIndex)
    {
        var after = stamp.After < nextIndex ? stamp.After : 0;
        return after >= horizon;
    }

    private static Session Begin(ApplyContext context, ClientId client)
    {
        context.State.Sessions++;
        return new(client) { Horizon = context.State.SessionHorizon };
    }

    private Session? Load(ApplyContext context, ClientId client)
    {
        if (_loaded.TryGetValue(client, out var loaded))
        {
            return loaded;
        }

        var row = context.Changes.Get(KeyLayout.Session(client));
        Plant(ref row);
        if (row is null)
        {
            return null;
        }

        // From the floor on: the rows below it are deleted, and the engine would take ever longer to pass over their tombstones.
        var session = Session.Decode(client, row);
        var first = KeyLayout.Outcome(client, session.Floor);
        foreach (var (key, _, length) in context.Changes.Read(first, KeyLayout.AfterPrefix(first.AsSpan(0, 1 + ClientId.Size)), int.MaxValue, valueBytesMax: 0))
        {
            session.Outcomes.Add(KeyLayout.SequenceOfOutcome(key), key.Length + length);
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
        session.LastIndex = context.Index;
        var granule = context.State.Clock / SessionLimits.GranuleMs;
        if (session.QueuedAt > 0 && session.Granule == granule)
        {
            return;
        }

        if (session.QueuedAt > 0)
        {
            context.Changes.Delete(KeyLayout.Idle(session.QueuedAt, session.Client));
        }

        (session.QueuedAt, session.Granule) = (context.Index, granule);
        context.Changes.Put(KeyLayout.Idle(session.QueuedAt, session.Client), IdleQueue.Value(granule));
        context.Due.IdleAdded(session.QueuedAt, granule);
    }

    /// <summary>A few rows with each write, so that no apply delays the shard; see <see cref="SessionLimits.EvictedRowsPerWriteMax"/>.</summary>
    private void EvictIfFull(ApplyContext context, ClientId except, int bytesAdded)
    {
        if (!IsFull(context))
        {
            return;
        }

        var rows = SessionLimits.EvictedRowsPerWriteMax + (bytesAdded / SessionLimits.EvictedBytesPerRow);
        while (rows > 0 && IsFull(context) && First(context, except) is { } session)
        {
            rows -= Forget(context, session, rows);
        }

        NoteFirstIdle(context);
    }

    private bool IsFull(ApplyContext context) =>
        context.State.Sessions + context.State.Outcomes > limits.EntriesMax || context.State.SessionBytes > limits.BytesMax;

    /// <summary>
    /// Deletes up to <paramref name="rowsMax"/> outcomes of a session, oldest first, and the session itself once it has none; returns the number of deleted
    /// rows. A deleted outcome can never be applied again: the floor rises past it, or the horizon does.
    /// </summary>
    private int Forget(ApplyContext context, Session session, int rowsMax)
    {
        if (session.Outcomes.Count >= rowsMax)
        {
            RaiseFloor(context, session, session.Outcomes.GetKeyAtIndex(rowsMax - 1) + 1);
            context.Changes.Put(KeyLayout.Session(session.Client), session.Encode());
            return rowsMax;
        }

        var outcomes = session.Outcomes.Count;
        for (var i = 0; i < outcomes; i++)
        {
            DeleteOutcome(context, session, i);
        }

        context.Changes.Delete(KeyLayout.Session(session.Client));
        context.Changes.Delete(KeyLayout.Idle(session.QueuedAt, session.Client));
        _loaded.Remove(session.Client);
        context.State.Sessions--;
        context.State.SessionHorizon = Math.Max(context.State.SessionHorizon, session.LastIndex);
        return outcomes + 1;
    }

    /// <summary>The longest-idle session except <paramref name="except"/>; null if there is none.</summary>
    private Session? First(ApplyContext context, ClientId? except = null) => _idle.First(context, except, client => Load(context, client));

    private void NoteFirstIdle(ApplyContext context)
    {
        if (First(context) is { } first)
        {
            context.Due.IdleStartsAt(first.QueuedAt, first.Granule);
        }
        else if (context.State.Sessions > 0)
        {
            // All remaining sessions were queued by this entry.
            context.Due.IdleStartsAt(context.Index, context.State.Clock / SessionLimits.GranuleMs);
        }
        else
        {
            context.Due.IdleStartsAt(DueTimes.Never, DueTimes.Never);
        }
    }

    /// <summary>Only in builds with planted bugs.</summary>
    static partial void Plant(ref byte[]? row);
}
