using KvRaft.Node.Verbs;
using KvRaft.Storage;

namespace KvRaft.Node.Tests.Hosting;

/// <summary>Which faults end a stopping node by its exit code, and which do not.</summary>
public sealed class DiskFaultTests
{
    private static readonly IOException Full = new("full", 28);
    private static readonly IOException Failed = new("EIO", 5);

    [Fact]
    public void The_worst_of_several_faults_of_the_disk_counts_and_another_fault_is_not_hidden()
    {
        Assert.Equal(DiskFault.None, DiskFaults.Of(null));
        Assert.Equal(DiskFault.NoRoom, DiskFaults.Of(new AggregateException(Full, new StorageFullException("full"))));
        Assert.Equal(DiskFault.Failed, DiskFaults.Of(new AggregateException(Full, new AggregateException(Failed))));
        Assert.Equal(DiskFault.Failed, DiskFaults.Of(new StorageException("closed")));
        Assert.Equal(DiskFault.None, DiskFaults.Of(new AggregateException(Failed, new InvalidOperationException())));
    }
}
