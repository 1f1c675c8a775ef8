using System.Collections.Immutable;
using KvRaft.Topology;

namespace KvRaft.Eventual.Replicas;

/// <summary>What a node has heard of the ring and the eventual keyspaces, as its book of tenures needs it.</summary>
/// <param name="Epoch">Grows with every change.</param>
/// <param name="Ring">As in <see cref="Tenure"/>.</param>
/// <param name="NextKeyspace">Above every keyspace that was ever made.</param>
/// <param name="Keyspaces">Each with what it is kept under, and the arcs of it that this node keeps.</param>
internal sealed record RingNews(long Epoch, long Ring, KeyspaceId NextKeyspace, IReadOnlyList<KeptKeyspace> Keyspaces);

/// <summary>An eventual keyspace as one of its nodes keeps it.</summary>
internal sealed record KeptKeyspace(KeyspaceId Id, Tenure Tenure, ArcSet Kept);

/// <summary>
/// The arcs in which this node's word counts: it has every write that was ever acknowledged with the word that reads meet it, or so many others have it that
/// reads do all the same. Pure and immutable; the replica keeps it on its disk, so that an empty disk begins with an empty book.
/// <para>
/// <b>How a node gets there.</b> It kept the keyspace from its beginning; or it kept the arc before the ring changed, once, and went on; or it has met
/// <b>every</b> node of the cluster under the same tenure and fetched what they have of the arc. Whoever cannot show one of these (it has just become
/// a keeper, it lost its disk, it missed a change of the ring, the counts were altered) keeps, answers and repairs like everybody, and is not counted.
/// </para>
/// <para>
/// <b>Why that is enough.</b> A write counts on W keepers that are whole and name the tenure of its coordinator after they have stored it. (1) Of the keepers of
/// one tenure that are whole, at most N − W lack it. Under the next tenure the same ones may lack it, for each is whole because it stayed, or because it has met
/// everybody who had it: nobody drops a record before all keepers have it (<see cref="Repair.ArcHandover"/>), and what was stored under the old tenure was in
/// the trees before the new one was named. So any R of them that are whole include one that has it. (2) A coordinator that has not heard of the new ring still
/// asks the old keepers. While one of them names the old tenure, no newcomer can have met everybody, so writes under the new one count only on
/// keepers that stayed; W of those are old keepers that name the new tenure, and R of the others there are not. Where the counts were altered nobody stays whole,
/// so nothing counts until everybody has heard.
/// </para>
/// </summary>
/// <param name="Epoch">Of the news heard last.</param>
/// <param name="Ring">In force then; −1: nothing was ever heard.</param>
/// <param name="NextKeyspace">Keyspaces from here on had not been made then.</param>
/// <param name="Keyspaces">What each was kept under then, and where this node's word counts.</param>
internal sealed record TenureBook(long Epoch, long Ring, KeyspaceId NextKeyspace, ImmutableSortedDictionary<KeyspaceId, KeyspaceTenure> Keyspaces)
{
    public static readonly TenureBook Blank = new(-1, -1, default, ImmutableSortedDictionary<KeyspaceId, KeyspaceTenure>.Empty);

    /// <summary>Does this node's word count in an arc, under a tenure?</summary>
    public bool IsWhole(KeyspaceId keyspace, int arc, Tenure tenure) =>
        Keyspaces.TryGetValue(keyspace, out var held) && held.Tenure == tenure && held.Whole.Contains(arc);

    /// <summary>News that are older than what was heard change nothing.</summary>
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

    /// <summary>This node has met everybody in some arcs, under a tenure that may be over by now.</summary>
    public TenureBook Met(KeyspaceId keyspace, Tenure tenure, IEnumerable<int> arcs) =>
        Keyspaces.TryGetValue(keyspace, out var held) && held.Tenure == tenure
            ? this with { Keyspaces = Keyspaces.SetItem(keyspace, held with { Whole = held.Whole.With(arcs) }) }
            : this;

    /// <summary>This node may lack something in an arc that it had.</summary>
    public TenureBook Doubt(KeyspaceId keyspace, int arc) => Keyspaces.TryGetValue(keyspace, out var held) && held.Whole.Contains(arc)
        ? this with { Keyspaces = Keyspaces.SetItem(keyspace, held with { Whole = ArcSet.Where(each => each != arc && held.Whole.Contains(each)) }) }
        : this;

    private ArcSet WholeOf(KeptKeyspace keyspace, long ring) =>
        Keyspaces.TryGetValue(keyspace.Id, out var held)
            ? keyspace.Tenure == held.Tenure || keyspace.Tenure.Follows(held.Tenure) ? held.Whole.Intersect(keyspace.Kept) : ArcSet.None
            // It was made since, and the ring is the same: nobody else ever kept it.
            : ring == Ring && keyspace.Id.Value >= NextKeyspace.Value ? keyspace.Kept : ArcSet.None;
}

/// <summary>What a keyspace is kept under, and the arcs in which this node's word counts.</summary>
internal sealed record KeyspaceTenure(Tenure Tenure, ArcSet Whole);
