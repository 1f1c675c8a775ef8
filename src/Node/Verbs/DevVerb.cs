using System.CommandLine;
using System.Globalization;
using System.Net;
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
            return await RunAsync(cluster, data, basePort, shards, loggers, asked);
        }
        finally
        {
            await Verb.CloseAsync(cluster, cluster.Nodes, loggers);
        }
    }

    /// <summary>
    /// What a ready cluster prints. The suggested command changes nothing: a write would change the versions and values that the README shows. It names
    /// the nodes unless they have the addresses that kvctl uses by default.
    /// </summary>
    internal static IEnumerable<string> ReadyLines(IReadOnlyList<IPEndPoint> nodes, int basePort, int shards, string data) =>
    [
        $"ready: {shards} shards on {nodes.Count} nodes, data in {data}",
        "",
        "try, in another terminal:",
        $"  dotnet run -c Release --project src/Cli -- {(basePort == DevCluster.BasePortDefault ? "" : $"--endpoints {string.Join(',', nodes)} ")}status",
        "",
        "stop with Ctrl-C",
    ];

    private static async Task<int> RunAsync(
        DevCluster cluster, DirectoryInfo data, int basePort, int shards, ILoggerFactory loggers, CancellationToken asked)
    {
        foreach (var node in cluster.Nodes)
        {
            Say($"node {node.Options.NodeId}  http://{node.PublicEndPoint}  JSON http://{node.HttpEndPoint}");
        }

        await cluster.WhenReadyAsync(asked);
        foreach (var line in ReadyLines([.. cluster.Nodes.Select(static node => node.PublicEndPoint)], basePort, shards, data.ToString()))
        {
            Say(line);
        }

        return await Verb.UntilStoppedAsync(cluster.Nodes, loggers, asked);
    }

    private static void Say(string line) => Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{line}"));
}
