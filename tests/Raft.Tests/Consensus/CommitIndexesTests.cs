using KvRaft.Raft.Consensus;

namespace KvRaft.Raft.Tests.Consensus;

/// <summary>The commit rule of one replica.</summary>
public class CommitIndexesTests
{
    private readonly CommitIndexes _indexes = new(applied: 10);

    [Fact]
    public void Commits_what_both_the_quorum_and_the_own_disk_hold()
    {
        _indexes.OnQuorum(20);

        Assert.Equal(15, _indexes.Next(durable: 15));
        Assert.Equal(20, _indexes.Next(durable: 30));
        Assert.Equal(10, _indexes.Committed);
        _indexes.Commit(20);
        Assert.Equal(20, _indexes.Committed);
    }

    [Fact]
    public void Commits_nothing_new_by_the_own_disk_alone() => Assert.Equal(10, _indexes.Next(durable: 30));

    [Fact]
    public void Discards_what_the_quorum_of_an_older_term_acknowledged()
    {
        _indexes.OnQuorum(20);
        _indexes.OnNewTerm();

        Assert.Equal(10, _indexes.Next(durable: 30));
    }

    [Fact]
    public void Discards_what_was_acknowledged_of_a_truncated_suffix()
    {
        _indexes.OnQuorum(20);
        _indexes.OnTruncated(from: 16);

        Assert.Equal(15, _indexes.Next(durable: 30));
    }

    [Fact]
    public void Keeps_the_commit_index_when_the_log_begins_anew_earlier()
    {
        _indexes.OnQuorum(20);
        _indexes.OnReset(start: 5, lastIndex: 12);
        Assert.Equal((10, 12), (_indexes.Committed, _indexes.Next(durable: 30)));

        _indexes.OnReset(start: 40, lastIndex: 40);
        Assert.Equal((40, 40), (_indexes.Committed, _indexes.Next(durable: 50)));
    }
}
