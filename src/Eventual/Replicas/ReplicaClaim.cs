using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Trees;

namespace KvRaft.Eventual.Replicas;

/// <summary>Whether the answer of a replica about a key counts, as the replica reports it. Read <b>after</b> the state was read or stored, never
/// before.</summary>
/// <param name="Keeps">The node is a replica holder of the key, by the ring that it has received.</param>
/// <param name="Tenure">The tenure, as <see cref="Tenure.Word"/>; 0 if the node has no such keyspace.</param>
/// <param name="IsWhole">The node has everything that other nodes may assume it to have; see <see cref="TenureBook"/>.</param>
internal readonly record struct ReplicaClaim(bool Keeps, ulong Tenure, bool IsWhole)
{
    /// <summary>Does the answer count under this tenure?</summary>
    public bool Counts(ulong tenure) => IsWhole && Tenure == tenure;
}

/// <summary>The state of a key at a replica, and whether the answer counts.</summary>
/// <param name="Bytes">The state, as <see cref="SiblingSetCodec"/> writes it; empty if there is none.</param>
internal readonly record struct StateRead(SiblingSet State, ReadOnlyMemory<byte> Bytes, ReplicaClaim Claim);

/// <summary>Reports whether the answers of a replica count.</summary>
internal static class ReplicaClaims
{
    /// <summary>For a state that was stored.</summary>
    public static ReplicaClaim ClaimOn(this EventualReplica replica, EventualKey key, IReplicaHolders holders) => ClaimOf(replica.Tenures, key, holders);

    /// <summary>The state of a key at the replica, and whether the answer counts.</summary>
    /// <exception cref="EventualFormatException">The stored record is damaged.</exception>
    public static (SiblingSet State, ReplicaClaim Claim) ReadWithClaim(this EventualReplica replica, EventualKey key, IReplicaHolders holders)
    {
        // If the book of tenures changed during the read, the record may have been dropped in between, and the answer does not count.
        var before = replica.Tenures;
        var state = replica.Read(key);
        var claim = ClaimOf(before, key, holders);
        return (state, claim with { IsWhole = claim.IsWhole && ReferenceEquals(before, replica.Tenures) });
    }

    /// <summary>Like <see cref="ReadWithClaim"/>. Memory for the state is reserved before it is read, and the caller holds it afterwards.</summary>
    /// <exception cref="EventualFormatException">The stored record is damaged.</exception>
    /// <exception cref="NoRoomException">There is not enough memory.</exception>
    public static async ValueTask<StateRead> ReadWithClaimAsync(
        this EventualReplica replica, EventualKey key, IReplicaHolders holders, IStateRoom room, CancellationToken cancellationToken)
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
                var claim = ClaimOf(before, key, holders);
                return new(state, stateBytes, claim with { IsWhole = claim.IsWhole && ReferenceEquals(before, replica.Tenures) });
            }

            bytes = length;
        }
    }

    private static ReplicaClaim ClaimOf(TenureBook book, EventualKey key, IReplicaHolders holders)
    {
        var tenure = holders.TenureOf(key.Keyspace);
        return new ReplicaClaim(
            holders.Keeps(key) is true, tenure?.Word ?? 0, tenure is { } held && book.IsWhole(key.Keyspace, LeafPlace.TokenRangeOf(key.Token), held));
    }
}
