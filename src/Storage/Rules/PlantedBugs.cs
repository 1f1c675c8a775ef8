#if PLANTED_BUGS
using KvRaft.Storage.Commands;
using KvRaft.Storage.Schema;
using KvRaft.Storage.State;

// The planted bugs of this component, in one place: the code that people read has one call of a partial method where they attach, which the compiler removes from an ordinary build.
namespace KvRaft.Storage.Commands
{
    public sealed partial class ShardOutcome
    {
        /// <summary>The values are missing, and the answer does not indicate it.</summary>
        internal ShardOutcome WithoutValuesUnsaid() => Copy(isForgotten: false);
    }
}

namespace KvRaft.Storage.Sessions
{
    internal sealed partial class SessionTable
    {
        internal bool Knows(ApplyContext context, ClientId client) => Load(context, client) is not null;

        static partial void Plant(ref byte[]? row)
        {
            if (PlantedBug.Is("sessions-forgotten-at-start"))
            {
                row = null;
            }
        }
    }
}

namespace KvRaft.Storage.Rules
{
    internal sealed partial class CommandApplier
    {
        partial void Plant(ShardCommand command, ref ShardOutcome? answer)
        {
            if (PlantedBug.Is("retry-applied-twice"))
            {
                answer = Execute(command);
            }
            else if (PlantedBug.Is("repeat-without-answer") && answer is { Deduplicated: true })
            {
                answer = answer.WithoutValuesUnsaid();
            }
            else if (PlantedBug.Is("writers-by-wall-clock") && !sessions.Knows(context, command.Stamp.Client) && PlantedBug.IsBehindItsPast())
            {
                answer = new() { Status = ShardStatus.Refused, Reason = RefusalReason.RequestIdExpired };
            }
        }

        static partial void Plant(ShardCommand command, ref IApplyScope shard)
        {
            if (command is PutCommand or DeleteCommand or IncrementCommand or TxnCommand)
            {
                shard = new PlantedScope(shard, command);
            }
        }
    }

    /// <summary>A scope in which one command misbehaves.</summary>
    internal sealed class PlantedScope(IApplyScope shard, ShardCommand command) : IApplyScope
    {
        private int _writes;

        public bool AnswersWanted => shard.AnswersWanted;

        public long Revision => shard.Revision;

        public long NextVersion() =>
            shard.NextVersion() + (command is PutCommand && PlantedBug.Is("clock-in-apply") ? Environment.ProcessId % 2 : 0);

        public long InstantOf(Expiry expiry) =>
            command is PutCommand && PlantedBug.Is("ttl-forgotten") && shard.Revision % 4 == 0 ? 0 : shard.InstantOf(expiry);

        public RowHead? FindHead(KeyspaceId keyspace, ReadOnlySpan<byte> key) => shard.FindHead(keyspace, key);

        public StoredValue? Find(KeyspaceId keyspace, ReadOnlySpan<byte> key) => shard.Find(keyspace, key);

        public bool Holds(Condition condition, KeyspaceId keyspace, ReadOnlySpan<byte> key, RowHead? head) =>
            shard.Holds(condition, keyspace, key, head)
            || (command is TxnCommand && PlantedBug.Is("txn-not-compared"))
            || (command is PutCommand && PlantedBug.Is("cas-not-compared") && head is { Version: var seen } && seen % 8 == 0);

        public (RefusalReason Refusal, long Value) Add(KeyspaceId keyspace, ReadOnlySpan<byte> key, RowHead? head, Addition addition) =>
            shard.Add(keyspace, key, head, addition);

        public void Put(KeyspaceId keyspace, ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, long version, long expireAtMs)
        {
            var isTorn = command is TxnCommand && _writes++ > 0 && version % 16 == 0 && PlantedBug.Is("txn-torn");
            var isLost = command is IncrementCommand && version % 16 == 0 && PlantedBug.Is("increment-lost");
            if (!isTorn && !isLost)
            {
                shard.Put(keyspace, key, value, version, expireAtMs);
            }
        }

        public void Remove(KeyspaceId keyspace, ReadOnlySpan<byte> key)
        {
            if (!(command is DeleteCommand && PlantedBug.Is("delete-undone") && shard.FindHead(keyspace, key) is { Version: var at } && at % 4 == 0))
            {
                shard.Remove(keyspace, key);
            }
        }

        public bool HoldsMoreThan(KeyspaceId keyspace, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, int rowsMax) => shard.HoldsMoreThan(keyspace, from, to, rowsMax);

        public (long Removed, ReadOnlyMemory<byte>? Resume) RemoveRange(KeyspaceId keyspace, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to, int rowsMax) =>
            shard.RemoveRange(keyspace, from, to, rowsMax);

        public long Drop(KeyspaceId keyspace) => shard.Drop(keyspace);

        public int Purge(int rowsMax) => shard.Purge(rowsMax);

        public void Mark() => shard.Mark();

        public void Keep() => shard.Keep();

        public void RollBack() => shard.RollBack();
    }
}
#endif
