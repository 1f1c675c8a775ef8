using KvRaft.Raft.Consensus;

namespace KvRaft.Raft.Tests.Consensus;

/// <summary>The terms that a process won, and the entries that it may append in them.</summary>
public class OwnTermsTests
{
    private readonly OwnTerms _terms = new();

    [Fact]
    public void Leads_a_term_that_it_campaigned_for_from_the_first_entry_on()
    {
        _terms.OnCampaign(3);
        Assert.Equal(0, _terms.Leading);

        _terms.OnFirstEntry(3, ballotTerm: 3);
        Assert.Equal(3, _terms.Leading);
    }

    [Theory]
    [InlineData(4, 4)] // Another process campaigned for it.
    [InlineData(3, 4)] // It is over already.
    public void Does_not_lead_a_term_that_it_did_not_win(long term, long ballotTerm)
    {
        _terms.OnCampaign(3);
        _terms.OnFirstEntry(term, ballotTerm);

        Assert.Equal(0, _terms.Leading);
    }

    [Theory]
    [InlineData(3, 3, 3, 2, true)]
    [InlineData(4, 3, 4, 2, false)] // The successor's term: a proposal of the deposed leader would take the place of the successor's entry.
    [InlineData(3, 3, 4, 2, false)] // The term is over.
    [InlineData(3, 3, 3, 4, false)] // The log would look older than it is.
    public void Appends_only_in_a_term_that_it_won_and_that_lasts(long term, long leadingTerm, long ballotTerm, long lastTerm, bool may) =>
        Assert.Equal(may, ReplicationRules.MayAppend(term, leadingTerm, ballotTerm, lastTerm));
}
