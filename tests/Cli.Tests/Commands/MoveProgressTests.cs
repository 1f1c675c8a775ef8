using KvRaft.Cli.Commands;
using KvRaft.V1;

namespace KvRaft.Cli.Tests.Commands;

public sealed class MoveProgressTests
{
    private static readonly MoveInfo Move = new() { Shard = 3, FromNode = "n1", FromIncarnation = 1, ToNode = "n4", ToIncarnation = 2 };

    [Fact]
    public void A_move_is_agreed_on_before_the_new_replica_is_open() =>
        Assert.Equal(new MoveProgress(MoveStage.Agreed, null), Of(Leader("n2", "n1", "n2", "n3"), Replica("n1", 1)));

    [Theory]
    [InlineData(100, (int)MoveStage.Copying, 9_900)]
    [InlineData(9_999, (int)MoveStage.CaughtUp, 1)]
    [InlineData(10_001, (int)MoveStage.CaughtUp, 0)]
    public void Then_it_copies_and_catches_up(long last, int stage, long lag) =>
        Assert.Equal(new MoveProgress((MoveStage)stage, lag), Of(Leader("n2", "n1", "n2", "n3"), Replica("n4", 2, last)));

    [Fact]
    public void A_copy_reports_its_size_rate_and_remaining_time()
    {
        var copying = Replica("n4", 2, last: 9_999);
        (copying.Item2.CopiedBytes, copying.Item2.CopyBytes) = (600_000_000, 2_100_000_000);
        var progress = Of(Leader("n2", "n1", "n2", "n3"), copying);
        Assert.Equal(new MoveProgress(MoveStage.Copying, 1, 600_000_000, 2_100_000_000), progress);
        Assert.Equal("n4 copies 2100.0 MB", progress.Describe(Move));
        Assert.Equal("n4 copied 600.0 of 2100.0 MB (29 %), 50.0 MB/s, 30 s left", progress.DescribeCopy(Move, 500_000_000, TimeSpan.FromSeconds(2)));
        Assert.Null(progress.DescribeCopy(Move, 600_000_000, TimeSpan.FromSeconds(2)));
        Assert.Null(Of(Leader("n2", "n1", "n2", "n3"), Replica("n4", 2)).DescribeCopy(Move, 0, TimeSpan.FromSeconds(2)));
    }

    [Fact]
    public void Then_it_is_a_voter_beside_the_old_one() =>
        Assert.Equal(MoveStage.Voter, Of(Leader("n2", "n1", "n2", "n3", "n4"), Replica("n4", 2)).Stage);

    [Fact]
    public void The_old_replica_is_removed_after_the_new_one_is_a_voter() =>
        Assert.Equal(MoveStage.Removed, Of(Leader("n2", "n2", "n3", "n4"), Replica("n4", 2), Replica("n1", 1)).Stage);

    [Fact]
    public void An_older_replica_on_the_same_node_is_not_the_new_one() =>
        Assert.Equal(MoveStage.Agreed, Of(Leader("n2", "n1", "n2", "n3"), Replica("n4", 1)).Stage);

    [Fact]
    public void An_ended_move_is_at_stage_removed_until_the_old_copy_is_deleted()
    {
        var nodes = Nodes(Leader("n2", "n2", "n3", "n4"), Replica("n1", 1));
        Assert.Equal(MoveStage.Removed, MoveProgress.Of(Move, isUnderWay: false, nodes).Stage);
        nodes.Remove("n1");
        Assert.Equal(MoveStage.Dropped, MoveProgress.Of(Move, isUnderWay: false, nodes).Stage);
    }

    private static MoveProgress Of(params (string Node, GroupStatus Group)[] replicas) =>
        MoveProgress.Of(Move, isUnderWay: true, Nodes(replicas));

    private static Dictionary<string, StatusResponse> Nodes(params (string Node, GroupStatus Group)[] replicas) =>
        replicas.ToDictionary(replica => replica.Node, replica => new StatusResponse { Groups = { replica.Group } });

    private static (string, GroupStatus) Leader(string node, params string[] voters) => (node, new GroupStatus
    {
        Shard = 3,
        Incarnation = 1,
        Role = ReplicaRole.Leader,
        LastIndex = 10_000,
        Voters = { voters },
    });

    private static (string, GroupStatus) Replica(string node, long incarnation, long last = 10_000) => (node, new GroupStatus
    {
        Shard = 3,
        Incarnation = incarnation,
        Role = ReplicaRole.Follower,
        LastIndex = last,
    });
}
