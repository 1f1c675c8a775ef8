using System.Net.Sockets;
using KvRaft.Node.Lifecycle;

namespace KvRaft.Node.Tests.Lifecycle;

public sealed class DataDirectoryTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("kvraft-node-").FullName;

    [Fact]
    public void Creates_the_directory_and_refuses_a_second_holder()
    {
        var path = Path.Combine(_root, "a", "b");
        using var held = DataDirectory.Hold(path);

        var error = Assert.Throws<NodeStartException>(() => DataDirectory.Hold(path));

        Assert.Equal(StartFault.DirectoryInUse, error.Fault);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Can_be_held_again_once_released()
    {
        DataDirectory.Hold(_root).Dispose();

        using var again = DataDirectory.Hold(_root);

        Assert.Equal(_root, again.Path);
    }

    [Fact]
    public void A_path_through_a_file_cannot_be_written()
    {
        var file = Path.Combine(_root, "file");
        File.WriteAllText(file, "");

        var error = Assert.Throws<NodeStartException>(() => DataDirectory.Hold(Path.Combine(file, "data")));

        Assert.Equal(StartFault.DirectoryNotWritable, error.Fault);
        Assert.DoesNotContain('\n', error.Message);
    }

    /// <summary>On a failed disk three nodes reported that another process held their directory, and their operator searched for it.</summary>
    [Fact]
    public void A_lock_file_that_cannot_be_opened_is_not_reported_as_locked()
    {
        using var place = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        place.Bind(new UnixDomainSocketEndPoint(Path.Combine(_root, "LOCK")));

        var error = Assert.Throws<NodeStartException>(() => DataDirectory.Hold(_root));

        Assert.Equal(StartFault.DirectoryNotWritable, error.Fault);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
