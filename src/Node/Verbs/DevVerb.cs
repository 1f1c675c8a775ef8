using System.CommandLine;
using System.Globalization;
using KvRaft.Node.Hosting;
using KvRaft.Node.Telemetry;

namespace KvRaft.Node.Verbs;

/// <summary><c>kvraft dev</c>: a whole cluster in one process, for the first five minutes and for developing against.</summary>
internal static class DevVerb
{
    public static Command Create()
    {
        var data = new Option<DirectoryInfo>("--data")
        {
            Description = "Where the three nodes keep their data; a second start finds it again.",
            DefaultValueFactory = _ => new DirectoryInfo("./kvraft-data"),
        };
        var fresh = new Option<bool>("--fresh") { Description = "Delete the data of the three nodes first. Refused while a node runs on them." };
        var port = new Option<int>("--base-port")
        {
            Description = "Node i serves clients on this port + i, JSON over HTTP on this port + 10 + i, and replicas on this port + 100 + i.",
            DefaultValueFactory = _ => DevCluster.BasePortDefault,
        };
        var shards = new Option<int>("--shards")
        {
            Description = "Number of shards, a power of two.",
            DefaultValueFactory = _ => DevCluster.ShardCountDefault,
        };
        var level = new Option<LogLevel>("--log-level") { Description = "Least severe messages to write.", DefaultValueFactory = _ => LogLevel.Warning };
        var command = new Command("dev", "Run a cluster of three nodes in this process.") { data, fresh, port, shards, level };
        command.SetAction((parsed, _) => Verb.GuardAsync(asked => RunAsync(
            parsed.GetRequiredValue(data), parsed.GetValue(fresh), parsed.GetValue(port), parsed.GetValue(shards),
            parsed.GetValue(level), asked)));
        return command;
    }

    private static async Task<int> RunAsync(
        DirectoryInfo data, bool fresh, int basePort, int shards, LogLevel level, CancellationToken asked)
    {
        using var loggers = NodeLogging.ToConsole(level);
        var cluster = await DevCluster.StartAsync(data.FullName, fresh, basePort, shards, loggers, asked);
        try
        {
            return await RunAsync(cluster, data, shards, loggers, asked);
        }
        finally
        {
            await Verb.CloseAsync(cluster, cluster.Nodes, loggers);
        }
    }

    private static async Task<int> RunAsync(DevCluster cluster, DirectoryInfo data, int shards, ILoggerFactory loggers, CancellationToken asked)
    {
        foreach (var node in cluster.Nodes)
        {
            Say($"node {node.Options.NodeId}  http://{node.PublicEndPoint}  JSON http://{node.HttpEndPoint}");
        }

        await cluster.WhenReadyAsync(asked);
        Say($"ready: {shards} shards on {cluster.Nodes.Count} nodes, data in {data}");
        Say("");
        Say("try, in another terminal:");
        Say("  dotnet run -c Release --project src/Cli -- put hello world");
        Say("");
        Say("stop with Ctrl-C");
        return await Verb.UntilStoppedAsync(cluster.Nodes, loggers, asked);
    }

    private static void Say(string line) => Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{line}"));
}
