using System.Net;
using KvRaft.Eventual.Replicas;
using KvRaft.Raft.Options;
using KvRaft.Topology;

namespace KvRaft.Node.Options;

/// <summary>
/// The options of one node: complete, typed and checked. They come from <see cref="NodeOptionsReader"/> (file, environment, flags), or
/// <c>kvraft dev</c> and the tests create them; <see cref="NodeOptionsValidator"/> checks them in either case.
/// </summary>
internal sealed record NodeOptions
{
    /// <summary>Identity of the cluster; nodes of different clusters refuse each other and each other's data directories.</summary>
    public required Guid ClusterId { get; init; }

    /// <summary>Name of the cluster; the same on all of its nodes.</summary>
    public required string ClusterName { get; init; }

    /// <summary>Name of this node: the id of its entry in <see cref="Nodes"/>. It never changes and is never given to another node.</summary>
    public required NodeId NodeId { get; init; }

    /// <summary>Directory of all data of the node. It belongs to one node permanently, which is checked at every start.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>The address on which the gRPC services listen.</summary>
    public required IPEndPoint PublicListen { get; init; }

    /// <summary>
    /// The address on which the same services listen for JSON over HTTP/1.1, for curl and scripts; null: no such port. It has its own port, because without TLS
    /// a port serves either HTTP/1.1 or the HTTP/2 that gRPC needs.
    /// </summary>
    public IPEndPoint? HttpListen { get; init; }

    /// <summary>
    /// Further names under which JSON requests over HTTP reach this node, such as that of a proxy; without ports. Addresses, loopback names, the machine's name and
    /// the name the node advertises are always accepted; any other one is refused, so that no page in a browser can use a name of its own.
    /// </summary>
    public IReadOnlyList<string> AllowedHosts { get; init; } = [];

    /// <summary>The address on which all Raft groups of the node listen.</summary>
    public required IPEndPoint RaftListen { get; init; }

    /// <summary>The nodes with which the cluster starts, this one included; the same list on each of them.</summary>
    public required IReadOnlyList<InitialNode> Nodes { get; init; }

    /// <summary>
    /// Addresses of nodes of a running cluster that this node joins. In that case <see cref="Nodes"/> has only this node, and the
    /// numbers of shards and replicas come from the cluster. Empty: the cluster is founded with this node.
    /// </summary>
    public IReadOnlyList<HostAndPort> Join { get; init; } = [];

    /// <summary>
    /// The file with the secret that the nodes of the cluster share and no client has; without it, every process that reaches this node's ports can act as a node.
    /// </summary>
    public string? ClusterSecretFile { get; init; }

    /// <summary>
    /// Refuse nodes that do not prove that they have the secret. Set it to false only while a running cluster gets a secret: first every node gets the file with this
    /// set to false, then every node without it.
    /// </summary>
    public bool IsClusterSecretRequired { get; init; } = true;

    /// <summary>Nodes that share the process and its descriptors: one, except in a development cluster and in tests.</summary>
    public int NodesInProcess { get; init; } = 1;

    /// <summary>Number of shards, a power of two. Fixed at the first start of the cluster.</summary>
    public int ShardCount { get; init; } = ShardCountDefault;

    /// <summary>Replicas of a shard; at most the number of nodes.</summary>
    public int ReplicationFactor { get; init; } = ReplicationFactorDefault;

    public Limits Limits { get; init; } = new();

    public NodeTimings Timings { get; init; } = new();

    /// <summary>Options of the copies of eventual keys.</summary>
    public EventualLimits Eventual { get; init; } = new();

    public LogSizes Log { get; init; } = new();

    public Surroundings Surroundings { get; init; } = Surroundings.Real;

    /// <summary>64 shards balance well over up to about ten nodes (six shares each) and cost an idle node little.</summary>
    public const int ShardCountDefault = 64;

    /// <summary>Three copies survive the loss of one.</summary>
    public const int ReplicationFactorDefault = 3;

    /// <summary>
    /// Most initial nodes: they are the voters of group 0, and beyond seven each further voter costs every placement decision a
    /// message but hardly adds to its safety. Further nodes join later, as data nodes.
    /// </summary>
    public const int InitialNodesMax = 7;

    /// <summary>This node's entry of <see cref="Nodes"/>.</summary>
    public InitialNode Self => Nodes.First(node => node.Id == NodeId);
}

/// <summary>The clocks of a node.</summary>
internal sealed record NodeTimings
{
    /// <summary>
    /// Shortest time without a message from the leading node before another replica campaigns. Shorter timeouts cause elections on a loaded machine,
    /// where a busy scheduler or a slow disk delays messages by hundreds of milliseconds.
    /// </summary>
    public TimeSpan ElectionTimeoutMin { get; init; } = TimeSpan.FromMilliseconds(1000);

    /// <summary>
    /// How long one attempt to elect a successor candidate may take. The timers of a group itself are ten times these two, and act only if the node-wide failure detector
    /// did not.
    /// </summary>
    public TimeSpan ElectionTimeoutMax { get; init; } = TimeSpan.FromMilliseconds(2000);

    /// <summary>
    /// How often the leader of a shard queries its state machine for work that is due by time alone (keys to purge, sessions to
    /// expire). Readers hide expired keys by the shard's clock. Without writes only these commands advance that clock, so this limits
    /// how late an idle shard notices an expiry.
    /// </summary>
    public TimeSpan DueInterval { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// A node that does not answer for this long counts as down: moves towards it wait.
    /// </summary>
    public TimeSpan NodeDownAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// A node that does not answer for this long counts as dead: its replicas are created on other nodes, if those have capacity for them. Longer than a reboot, because every
    /// byte is copied; 0: never.
    /// </summary>
    public TimeSpan NodeDeadAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How often free disk space is read. A disk fills at some hundred MB/s at most, against a reserve of 1 GiB.</summary>
    public TimeSpan DiskCheckInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// The timings of all groups. One request to a peer must take less than the shortest election, or a paused leader is never
    /// replaced; connecting even less, so that a dead machine does not use up the whole of it.
    /// </summary>
    public RaftTimings ToRaft() => new()
    {
        ElectionMin = ElectionTimeoutMin,
        ElectionMax = ElectionTimeoutMax,
        RequestTimeout = ElectionTimeoutMin * 0.6,
        ConnectTimeout = ElectionTimeoutMin * 0.4,
    };

    /// <summary>
    /// A client connection without a call in progress for this long is closed; clients open another when they need one. It is long enough that a client with
    /// a call a minute keeps its connection.
    /// </summary>
    public TimeSpan ConnectionIdle { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a stopping node waits for calls in progress before it cancels them.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(5);
}
