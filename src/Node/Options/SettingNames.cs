using System.Collections.Frozen;

namespace KvRaft.Node.Options;

/// <summary>The names of all settings, as paths with <c>:</c> between the parts; matched without regard to case.</summary>
internal static class SettingNames
{
    private static readonly string[] Root =
    [
        "clusterId", "clusterName", "nodeId", "dataDirectory", "publicListen", "httpListen", "allowedHosts", "raftListen", "shardCount", "replicationFactor", "join",
        "clusterSecretFile", "clusterSecretRequired",
    ];

    private static readonly string[] OfNode = ["id", "raft", "public", "zone", "weight"];

    private static readonly string[] OfLimits =
    [
        "keyBytesMax", "valueBytesMax", "messageBytesMax", "multiKeysMax", "pipeOperationsPerMessageMax", "pipeInFlightMax",
        "pipeInFlightBytesMax", "streamsPerConnectionMax", "scanChunkBytesMax", "scanKeysMax", "diskReserveBytes",
        "timeoutDefaultMs", "timeoutMaxMs", "txnOperationsMax",
        "requestsInHandMax", "bytesInHandMax", "answerBytesInHandMax", "bodyBytesInHandMax", "answerStallMs",
        "callsInProgressMax", "connectionsMax", "connectionsPerAddressMax", "raftConnectionsMax",
    ];

    private static readonly string[] OfTimings =
    [
        "electionTimeoutMinMs", "electionTimeoutMaxMs", "dueIntervalMs", "diskCheckIntervalMs", "stopGraceMs",
        "nodeDownAfterMs", "nodeDeadAfterMs", "connectionIdleMs",
    ];

    private static readonly string[] OfLog = ["segmentBytes", "bytesMax", "retainedBytesMax"];

    private static readonly string[] OfEventual = ["siblingsMax", "siblingBytesMax", "hintBytesMax", "hintAgeMaxMs", "tombstoneAgeMinMs"];

    /// <summary>Every setting that is not part of a node's entry.</summary>
    public static IReadOnlyList<string> All { get; } =
    [
        .. Root, .. OfLimits.Select(name => "limits:" + name), .. OfTimings.Select(name => "timings:" + name), .. OfLog.Select(name => "log:" + name),
        .. OfEventual.Select(name => "eventual:" + name),
    ];

    private static readonly FrozenSet<string> Known = All.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    public static bool IsKnown(string path) =>
        Known.Contains(path)
        || (path.Split(':') is [var nodes, var index, var part]
            && nodes.Equals("nodes", StringComparison.OrdinalIgnoreCase)
            && int.TryParse(index, out _)
            && OfNode.Contains(part, StringComparer.OrdinalIgnoreCase));

    /// <summary>The names that may have been intended: those of the same section.</summary>
    public static string Near(string path)
    {
        var section = path.Contains(':', StringComparison.Ordinal) ? path[..path.IndexOf(':', StringComparison.Ordinal)] : "";
        var names = section.ToUpperInvariant() switch
        {
            "LIMITS" => OfLimits,
            "TIMINGS" => OfTimings,
            "LOG" => OfLog,
            "EVENTUAL" => OfEventual,
            "NODES" => OfNode,
            _ => [.. Root, "nodes", "limits", "timings", "log", "eventual"],
        };
        return string.Join(", ", names);
    }
}
