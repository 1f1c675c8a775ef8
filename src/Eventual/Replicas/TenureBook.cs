using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>The ring and the eventual keyspaces that a node has received, as its book of tenures needs them.</summary>
/// <param name="Epoch">Increases with every change.</param>
/// <param name="Ring">As in <see cref="Tenure"/>.</param>
/// <param name="NextKeyspace">Above every keyspace that was ever created.</param>
/// <param name="Keyspaces">Each with its tenure, and the token ranges of it that this node holds.</param>
internal sealed record RingNews(long Epoch, long Ring, KeyspaceId NextKeyspace, IReadOnlyList<KeptKeyspace> Keyspaces);

/// <summary>An eventual keyspace, as one of its replica holders sees it.</summary>
internal sealed record KeptKeyspace(KeyspaceId Id, Tenure Tenure, TokenRangeSet Kept);

/// <summary>
/// The token ranges in which the answers of this node count. There it has every write that was acknowledged with the promise that reads see it, or so
/// many other nodes have
/// the write that reads see it all the same. Pure and immutable. The replica stores the book on its disk, so that an empty disk begins with an empty book.
/// <para>
/// <b>How a node gets there.</b> It held the keyspace from its creation; or it held the token range before the last single change of the ring, and still
/// does; or it has met
/// <b>every</b> node of the cluster under the same tenure: it fetched what each of them has of the token range. If none of these holds (the node has just
/// become
/// a replica holder, lost its disk, missed a change of the ring, or the counts were changed), the node stores, answers and repairs as usual, but its
/// answers do not count.
/// </para>
/// <para>
/// <b>Why that is enough.</b> A write counts on W replica holders that are whole and report the tenure of its coordinator after they have stored it. (1)
/// Of the whole replica holders of
/// one tenure, at most N − W lack the write. Under the next tenure the same ones may lack it, because each is whole for one of two reasons: it stayed, or
/// it has met
/// every node that had the write. No node drops a record before all replica holders have it (<see cref="Repair.TokenRangeHandover"/>), and a write that was
/// stored under the old tenure was in
/// the trees before the new tenure was reported. So any R whole replica holders include one that has the write. (2) A coordinator that has not received
/// the new ring still
/// writes to the old replica holders. While one of them reports the old tenure, no new replica holder can have met every node, so writes under the new
/// tenure count only on
/// replica holders that stayed. W of those are old replica holders that report the new tenure, and fewer than R remain that do not. If the counts were
/// changed, no node stays whole,
/// so nothing counts until every node has received the change.
/// </para>
/// </summary>
/// <param name="Epoch">The epoch of the last news received.</param>
/// <param name="Ring">The ring at that time; −1: no news was ever received.</param>
/// <param name="NextKeyspace">Keyspaces from this id on did not exist at that time.</param>
/// <param name="Keyspaces">The tenure of each keyspace at that time, and where the answers of this node count.</param>
internal sealed record TenureBook(long Epoch, long Ring, KeyspaceId NextKeyspace, ImmutableSortedDictionary<KeyspaceId, KeyspaceTenure> Keyspaces)
{
    public static readonly TenureBook Blank = new(-1, -1, default, ImmutableSortedDictionary<KeyspaceId, KeyspaceTenure>.Empty);

    /// <summary>Do the answers of this node count in a token range, under a tenure?</summary>
    public bool IsWhole(KeyspaceId keyspace, int range, Tenure tenure) =>
        Keyspaces.TryGetValue(keyspace, out var held) && held.Tenure == tenure && held.Whole.Contains(range);

    /// <summary>Takes news into account. News older than the last received change nothing.</summary>
    public TenureBook Hear(RingNews news)
    {
        if (news.Epoch <= Epoch)
        {
            return this;
        }

        var keyspaces = news.Keyspaces.ToImmutableSortedDictionary(
            static keyspace => keyspace.Id, keyspace => new KeyspaceTenure(keyspace.Tenure, WholeOf(keyspace, news.Ring)));
        return new TenureBook(news.Epoch, news.Ring, news.NextKeyspace, keyspaces);
    }

    /// <summary>Records that this node has met every node in some token ranges, under a tenure that may be over by now.</summary>
    public TenureBook Met(KeyspaceId keyspace, Tenure tenure, IEnumerable<int> ranges) =>
        Keyspaces.TryGetValue(keyspace, out var held) && held.Tenure == tenure
            ? this with { Keyspaces = Keyspaces.SetItem(keyspace, held with { Whole = held.Whole.With(ranges) }) }
            : this;

    /// <summary>Records that this node may lack something that it had in a token range.</summary>
    public TenureBook Doubt(KeyspaceId keyspace, int range) => Keyspaces.TryGetValue(keyspace, out var held) && held.Whole.Contains(range)
        ? this with { Keyspaces = Keyspaces.SetItem(keyspace, held with { Whole = TokenRangeSet.Where(each => each != range && held.Whole.Contains(each)) }) }
        : this;

    private TokenRangeSet WholeOf(KeptKeyspace keyspace, long ring) =>
        Keyspaces.TryGetValue(keyspace.Id, out var held)
            ? keyspace.Tenure == held.Tenure || keyspace.Tenure.Follows(held.Tenure) ? held.Whole.Intersect(keyspace.Kept) : TokenRangeSet.None
            // The keyspace was created since, and the ring is the same: no other node ever held it.
            : ring == Ring && keyspace.Id.Value >= NextKeyspace.Value ? keyspace.Kept : TokenRangeSet.None;
}

/// <summary>The tenure of a keyspace, and the token ranges in which the answers of this node count.</summary>
internal sealed record KeyspaceTenure(Tenure Tenure, TokenRangeSet Whole);
