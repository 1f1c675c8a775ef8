namespace KvRaft.Chaos.Cluster;

/// <summary>The cluster that a run requires.</summary>
internal sealed record ClusterPlan
{
    /// <summary>The folder of configuration, logs and data.</summary>
    public required string Folder { get; init; }

    public required NodeBuild Build { get; init; }

    /// <summary>The build that nodes are upgraded to and back from; null: none.</summary>
    public NodeBuild? OtherBuild { get; init; }

    public required INodeHost Host { get; init; }

    /// <summary>Five: the least number at which two may fail, and at which partitions have shapes.</summary>
    public int Nodes { get; init; } = 5;

    /// <summary>Four shards: keys of one run are in several groups, and two cores can still drive them.</summary>
    public int Shards { get; init; } = 4;

    public int Replicas { get; init; } = 3;

    /// <summary>Each node has its own file system.</summary>
    public bool OwnVolumes { get; init; }

    /// <summary>Links that can be slow and lossy.</summary>
    public bool OwnLinks { get; init; }

    /// <summary>The seed of the random choices of the cluster: which packets are lost.</summary>
    public int Seed { get; init; }

    /// <summary>Wall clocks that can be set one by one.</summary>
    public bool OwnClocks { get; init; }

    /// <summary>Variables for every node.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    public IEnumerable<int> Numbers => Enumerable.Range(0, Nodes);
}
