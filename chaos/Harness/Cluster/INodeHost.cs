using System.Diagnostics;
using KvRaft.Chaos.Machine;

namespace KvRaft.Chaos.Cluster;

/// <summary>The host of the nodes: what separates one from another, and how the process of a node is started. Safe for several threads.</summary>
internal interface INodeHost
{
    /// <summary>Why nodes of this host cannot be cut off from each other here; null if they can.</summary>
    Task<string?> WhyNoNetworkAsync();

    /// <summary>A network with a namespace for each node; null: the nodes share loopback.</summary>
    /// <param name="id">At most five characters; part of the names of links, namespaces and containers.</param>
    /// <param name="nodes">The number of nodes.</param>
    /// <param name="ledger">Records everything before it is created.</param>
    Task<NodeNetwork?> CreateNetworkAsync(string id, int nodes, Ledger ledger);

    /// <summary>Starts a node; the ledger records it before any thread waits for it.</summary>
    Task<StartedNode> StartAsync(NodeBuild build, NodeCommand command, Ledger ledger);
}

/// <summary>A node that was started.</summary>
/// <param name="Holder">Ends when the node ends, with its exit code: the node itself, or the process that waits for its container.</param>
/// <param name="Pid">The pid of the node among the processes of the host; 0 if it ended before the query.</param>
internal readonly record struct StartedNode(Process Holder, int Pid);

/// <summary>The parameters of the start of a node.</summary>
/// <param name="NodeFolder">The folder of the node; it writes nowhere else.</param>
/// <param name="SharedFolder">A folder that it reads elsewhere; null: none.</param>
/// <param name="NetworkNamespace">Null: that of the host.</param>
internal sealed record NodeCommand(string NodeFolder, string? SharedFolder, string? NetworkNamespace)
{
    public string Config => Path.Combine(NodeFolder, "node.json");

    /// <summary>All starts of the node append to it.</summary>
    public string LogFile => Path.Combine(NodeFolder, "node.log");

    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();
}
