using System.CommandLine;
using KvRaft.Node.Hosting;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Storage.Engine;

namespace KvRaft.Node.Verbs;

/// <summary><c>kvraft node</c>: one node, for production.</summary>
internal static class NodeVerb
{
    /// <summary>Flags that stand for a setting; every other setting has <c>--set name=value</c>.</summary>
    private static readonly (string Flag, string Setting, string Help)[] Shorthands =
    [
        ("--cluster", "clusterName", "Name of the cluster; the same on all its nodes."),
        ("--id", "nodeId", "This node's id, one of those in 'nodes'."),
        ("--data", "dataDirectory", "Where this node keeps its data."),
        ("--public", "publicListen", "Address and port the services listen on."),
        ("--http", "httpListen", "Address and port for JSON over HTTP/1.1; left out: none."),
        ("--join", "join", "Addresses of nodes of a running cluster that this one shall join."),
        ("--raft", "raftListen", "Address and port the replicas listen on."),
    ];

    public static Command Create()
    {
        var config = new Option<FileInfo?>("--config") { Description = "JSON file with the settings.", HelpName = "node.json" };
        var set = new Option<string[]>("--set")
        {
            Description = "A setting, such as limits.valueBytesMax=65536 or nodes[0].weight=2. May be repeated.",
            HelpName = "name=value",
        };
        var level = new Option<LogLevel>("--log-level") { Description = "Least severe messages to write.", DefaultValueFactory = _ => LogLevel.Information };
        var flags = Shorthands.Select(short_ => new Option<string?>(short_.Flag) { Description = short_.Help }).ToArray();
        var command = new Command("node", "Run one node. A flag wins over the environment (KVRAFT_...), and that over the file.") { config, set, level };
        foreach (var flag in flags)
        {
            command.Add(flag);
        }

        command.SetAction((parsed, _) => Verb.GuardAsync(asked =>
        {
            var settings = Shorthands.Zip(flags)
                .Select(pair => new KeyValuePair<string, string?>(pair.First.Setting, parsed.GetValue(pair.Second)))
                .Where(setting => setting.Value is not null)
                .Concat((parsed.GetValue(set) ?? []).Select(SettingSources.Parse));
            return RunAsync(Read(parsed.GetValue(config), settings), parsed.GetValue(level), asked);
        }));
        return command;
    }

    private static NodeOptions Read(FileInfo? file, IEnumerable<KeyValuePair<string, string?>> flags)
    {
        try
        {
            return NodeOptionsReader.Read(SettingSources.Merge(file?.FullName, Environment.GetEnvironmentVariables(), flags));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or FormatException or InvalidDataException)
        {
            var why = error is IOException or UnauthorizedAccessException && file is not null
                ? $"{file.FullName} {OwnFiles.Reason(file.FullName, isDirectory: false, error)}" : error.Message;
            throw new InvalidOptionsException([new OptionMistake("--config", file?.FullName, $"a readable JSON file ({why})")]);
        }
    }

    private static async Task<int> RunAsync(NodeOptions options, LogLevel level, CancellationToken asked)
    {
        using var loggers = NodeLogging.ToConsole(level);
        using var engines = new StorageResources(new StorageBudget());
        var node = await KvRaftNode.StartAsync(options, engines, loggers, asked);
        var exitCode = await Verb.UntilStoppedAsync([node], loggers, asked);
        await Verb.CloseAsync(node, [node], loggers);
        return exitCode;
    }
}
