using System.Net;
using KvRaft.Node.Hosting;
using KvRaft.Node.Verbs;

namespace KvRaft.Reference.Tests;

/// <summary>What <c>kvraft dev</c> prints, and README.md.</summary>
public class DevPageTests
{
    [Fact]
    public void The_readme_shows_what_dev_prints()
    {
        var printed = string.Join('\n', DevVerb.ReadyLines(Nodes(DevCluster.BasePortDefault), DevCluster.BasePortDefault, DevCluster.ShardCountDefault, "./kvraft-data"));

        Assert.Contains($"\n{printed}\n", File.ReadAllText(Path.Combine(SourceTree.Root, "README.md")).ReplaceLineEndings("\n"), StringComparison.Ordinal);
    }

    // Without addresses, kvctl connects to the default ports, where another cluster may listen.
    [Fact]
    public void With_another_base_port_the_suggested_command_names_the_nodes() => Assert.Contains(
        "  dotnet run -c Release --project src/Cli -- --endpoints 127.0.0.1:17401,127.0.0.1:17402,127.0.0.1:17403 status",
        DevVerb.ReadyLines(Nodes(17400), 17400, DevCluster.ShardCountDefault, "./kvraft-data"));

    private static IPEndPoint[] Nodes(int basePort) => [.. Enumerable.Range(1, 3).Select(number => new IPEndPoint(IPAddress.Loopback, basePort + number))];
}
