using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;
using KvRaft.Storage.Sessions;
using KvRaft.Storage.State;

namespace KvRaft.Storage.Rules;

/// <summary>The rows, the clock and the sessions of one apply, as commands see them.</summary>
internal sealed class ApplyScope(ApplyContext context, SessionTable sessions) : IApplyScope
{
    private readonly ShardData _data = new(context);
    private ShardState _marked;

    public bool AnswersWanted => context.AnswersWanted;

    public long Revision => context.State.Revision;

    public long NextVersion() => context.NextVersion();

    public long InstantOf(Expiry expiry) => context.InstantOf(expiry);

    public RowHead? FindHead(KeyspaceId keyspace, ReadOnlySpan<byte> key) => _data.FindHead(keyspace, key);

    public StoredValue? Find(KeyspaceId keyspace, ReadOnlySpan<byte> key) => _data.Find(keyspace, key);

    public bool Holds(Condition condition, KeyspaceId keyspace, ReadOnlySpan<byte> key, RowHead? head) => _data.Holds(condition, keyspace, key, head);

    public (RefusalReason Refusal, long Value) Add(KeyspaceId keyspace, ReadOnlySpan<byte> key, RowHead? head, Addition addition) =>
        _data.Add(keyspace, key, head, addition);

    public void Put(KeyspaceId keyspace, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long version, long expireAtMs) =>
        _data.Put(keyspace, key, value, version, expireAtMs);

    public void Remove(KeyspaceId keyspace, ReadOnlySpan<byte> key) => _data.Remove(keyspace, key);

    public bool HoldsMoreThan(KeyspaceId keyspace, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, int rowsMax) => _data.HoldsMoreThan(keyspace, from, to, rowsMax);

    public (long Removed, ReadOnlyMemory<byte>? Resume) RemoveRange(KeyspaceId keyspace, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, int rowsMax) =>
        _data.RemoveRange(keyspace, from, to, rowsMax);

    public long Drop(KeyspaceId keyspace) => _data.Drop(keyspace);

    public int Purge(int rowsMax)
    {
        var purged = _data.PurgeExpired(rowsMax);
        return purged + sessions.PurgeIdle(context, rowsMax - purged);
    }

    public void Mark()
    {
        _marked = context.State;
        context.Changes.Mark();
    }

    public void Keep() => context.Changes.Keep();

    public void RollBack()
    {
        context.Changes.RollBack();
        context.State = _marked;
    }
}
