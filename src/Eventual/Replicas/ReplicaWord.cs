using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Trees;

namespace KvRaft.Eventual.Replicas;

/// <summary>What a replica's word about a key is worth, by its own account. Asked for <b>after</b> what was read or stored, never before.</summary>
/// <param name="Keeps">The node is one of those that keep the key, as far as it has heard.</param>
/// <param name="Tenure">Under what, as <see cref="Tenure.Word"/>; 0: it does not know the keyspace.</param>
/// <param name="IsWhole">It has what others may believe it to have; see <see cref="TenureBook"/>.</param>
internal readonly record struct ReplicaWord(bool Keeps, ulong Tenure, bool IsWhole)
{
    /// <summary>Does it count for whoever means this tenure?</summary>
    public bool Counts(ulong tenure) => IsWhole && Tenure == tenure;
}

/// <summary>What a replica holds of a key, with its word.</summary>
/// <param name="Bytes">The state, as <see cref="SiblingSetCodec"/> writes it; empty if nothing is known of the key.</param>
internal readonly record struct StateRead(SiblingSet State, ReadOnlyMemory<byte> Bytes, ReplicaWord Word);

/// <summary>A replica gives its word.</summary>
internal static class ReplicaWords
{
    /// <summary>For something that was stored.</summary>
    public static ReplicaWord WordOn(this EventualReplica replica, EventualKey key, IKeyOwners owners) => Word(replica.Tenures, key, owners);

    /// <summary>What the replica knows of a key, with its word.</summary>
    /// <exception cref="EventualFormatException">What is stored is damaged.</exception>
    public static (SiblingSet State, ReplicaWord Word) ReadWithWord(this EventualReplica replica, EventualKey key, IKeyOwners owners)
    {
        // Where its word counts may have changed while it read: then the record may have been dropped in between.
        var before = replica.Tenures;
        var state = replica.Read(key);
        var word = Word(before, key, owners);
        return (state, word with { IsWhole = word.IsWhole && ReferenceEquals(before, replica.Tenures) });
    }

    /// <summary>As above; room for what the replica holds is taken before it is read, and kept by the caller afterwards.</summary>
    /// <exception cref="EventualFormatException">What is stored is damaged.</exception>
    /// <exception cref="NoRoomException">There is no room.</exception>
    public static async ValueTask<StateRead> ReadWithWordAsync(
        this EventualReplica replica, EventualKey key, IKeyOwners owners, IStateRoom room, CancellationToken cancellationToken)
    {
        var (before, bytes) = (replica.Tenures, (long)room.Guess);
        while (true)
        {
            await room.TakeAsync(bytes, cancellationToken).ConfigureAwait(false);
            var (state, stateBytes, length) = (default(SiblingSet), default(ReadOnlyMemory<byte>), 0);
            try
            {
                (state, stateBytes, length) = replica.Read(key, (int)bytes);
            }
            finally
            {
                room.Give(state is null ? bytes : bytes - length);
            }

            if (state is not null)
            {
                var word = Word(before, key, owners);
                return new(state, stateBytes, word with { IsWhole = word.IsWhole && ReferenceEquals(before, replica.Tenures) });
            }

            bytes = length;
        }
    }

    private static ReplicaWord Word(TenureBook book, EventualKey key, IKeyOwners owners)
    {
        var tenure = owners.TenureOf(key.Keyspace);
        return new ReplicaWord(
            owners.Keeps(key) is true, tenure?.Word ?? 0, tenure is { } held && book.IsWhole(key.Keyspace, LeafPlace.ArcOf(key.Token), held));
    }
}
