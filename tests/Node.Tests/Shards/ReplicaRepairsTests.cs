using KvRaft.Node.Shards;
using KvRaft.Raft.Consensus;
using KvRaft.Storage;

namespace KvRaft.Node.Tests.Shards;

public sealed class ReplicaRepairsTests
{
    [Theory]
    [InlineData(0, ReplicaLoss.Resource, 0), InlineData(3, ReplicaLoss.Resource, 4), InlineData(20, ReplicaLoss.Resource, 30)]
    [InlineData(20, ReplicaLoss.Room, 4), InlineData(20, ReplicaLoss.State, 300)]
    public void The_wait_doubles_up_to_a_limit_that_depends_on_what_was_lost(int tries, ReplicaLoss loss, int seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), ReplicaRepairs.DelayAfter(tries, loss));

    /// <summary>A replica that met EMFILE at run time stayed stopped until its process was started again.</summary>
    [Fact]
    public void A_replica_to_which_the_system_refused_a_resource_is_opened_again()
    {
        Assert.Equal(ReplicaLoss.Resource, ReplicaFault.Of(new StorageException("It failed before.", new StorageUnavailableException("Too many open files"))).Loss);
        Assert.Equal(ReplicaLoss.Resource, ReplicaFault.Of(new UnauthorizedAccessException("Permission denied")).Loss);
        Assert.Equal(ReplicaLoss.Stopped, ReplicaFault.Of(new StorageException("unknown")).Loss);
    }
}
