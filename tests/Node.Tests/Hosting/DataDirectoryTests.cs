using KvRaft.Node.Hosting;

namespace KvRaft.Node.Tests.Hosting;

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

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
