using System.Diagnostics;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Cluster;

/// <summary>Where nodes live: what parts one from another, and how a node's process comes to be. Safe for several threads.</summary>
internal interface INodeHost
{
    /// <summary>Why nodes of this host cannot be cut off from each other here; null if they can.</summary>
    Task<string?> WhyNoNetworkAsync();

    /// <summary>A network with a namespace for each node; null: the nodes share loopback.</summary>
    /// <param name="id">At most five characters; part of the names of links, namespaces and containers.</param>
    /// <param name="nodes">How many.</param>
    /// <param name="ledger">Learns of everything before it is made.</param>
    Task<NodeNetwork?> CreateNetworkAsync(string id, int nodes, Ledger ledger);

    /// <summary>Starts a node; the ledger knows it before anybody waits for it.</summary>
    Task<StartedNode> StartAsync(NodeBuild build, NodeCommand command, Ledger ledger);
}

/// <summary>A node that was started.</summary>
/// <param name="Holder">Ends when the node ends, with its exit code; the node itself, or whoever waits for its container.</param>
/// <param name="Pid">Of the node, as the host's processes see it; 0 if it ended before it was asked for.</param>
internal readonly record struct StartedNode(Process Holder, int Pid);

/// <summary>What a node is started with.</summary>
/// <param name="NodeFolder">The node's own; it writes nowhere else.</param>
/// <param name="SharedFolder">What it reads from elsewhere; null: nothing.</param>
/// <param name="NetworkNamespace">Null: the host's.</param>
internal sealed record NodeCommand(string NodeFolder, string? SharedFolder, string? NetworkNamespace)
{
    public string Config => Path.Combine(NodeFolder, "node.json");

    /// <summary>All starts of the node append here.</summary>
    public string LogFile => Path.Combine(NodeFolder, "node.log");

    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}
