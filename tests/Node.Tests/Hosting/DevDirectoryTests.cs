using KvRaft.Node.Hosting;
using KvRaft.Node.Lifecycle;

namespace KvRaft.Node.Tests.Hosting;

public sealed class DevDirectoryTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("kvraft-dev-").FullName;

    private string[] Nodes => [Path.Combine(_root, "n1"), Path.Combine(_root, "n2"), Path.Combine(_root, "n3")];

    [Fact]
    public void A_second_start_finds_the_same_cluster()
    {
        var first = Start(fresh: false);

        Assert.Equal(first, Start(fresh: false));
    }

    /// <summary>`kvraft dev --fresh` deleted the data of a running cluster, and only then found the lock of its first node.</summary>
    [Fact]
    public void A_fresh_start_on_the_data_of_a_running_cluster_is_refused_and_deletes_nothing()
    {
        Start(fresh: false);
        var before = WithData();
        using var running = DevDirectory.Hold(_root);

        var error = Assert.Throws<NodeStartException>(() => Start(fresh: true));

        Assert.Equal(StartFault.DirectoryInUse, error.Fault);
        Assert.Equal(before, Content());
    }

    [Fact]
    public void A_fresh_start_on_the_data_of_one_running_node_is_refused_and_deletes_nothing()
    {
        Start(fresh: false);
        var before = WithData();
        using var running = DataDirectory.Hold(Nodes[2]);

        var error = Assert.Throws<NodeStartException>(() => Start(fresh: true));

        Assert.Equal(StartFault.DirectoryInUse, error.Fault);
        Assert.Equal(before, Content());
    }

    [Fact]
    public void A_fresh_start_deletes_the_data_of_the_nodes_and_nothing_else()
    {
        var first = Start(fresh: false);
        WithData();
        File.WriteAllText(Path.Combine(_root, "notes"), "mine");

        Assert.NotEqual(first, Start(fresh: true));

        Assert.Equal(["cluster-secret", "dev-cluster-id", "notes"], Content().Select(static file => Path.GetFileName(file)));
    }

    [Fact]
    public void A_directory_with_other_content_is_refused_and_gets_no_lock()
    {
        File.WriteAllText(Path.Combine(_root, "thesis"), "mine");

        var error = Assert.Throws<NodeStartException>(() => Start(fresh: true));

        Assert.Equal(StartFault.ForeignDirectory, error.Fault);
        Assert.Equal(["thesis"], Directory.GetFileSystemEntries(_root).Select(static file => Path.GetFileName(file)));
    }

    private Guid Start(bool fresh)
    {
        using var directory = DevDirectory.Hold(_root);
        return DevDirectory.Identity(directory, Nodes, fresh);
    }

    private string[] WithData()
    {
        foreach (var node in Nodes)
        {
            Directory.CreateDirectory(node);
            File.WriteAllText(Path.Combine(node, "data"), "kept");
        }

        return Content();
    }

    /// <summary>Without the lock files, which a refused start may leave behind.</summary>
    private string[] Content() =>
    [
        .. Directory.GetFiles(_root, "*", SearchOption.AllDirectories).Where(static file => Path.GetFileName(file) != "LOCK").Order(StringComparer.Ordinal),
    ];

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
