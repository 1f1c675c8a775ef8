namespace KvRaft.Chaos.Cluster;

/// <summary>What cluster a run wants.</summary>
internal sealed record ClusterPlan
{
    /// <summary>Where configuration, logs and data go.</summary>
    public required string Folder { get; init; }

    public required NodeBuild Build { get; init; }

    /// <summary>What nodes are upgraded to and back; null: they are not.</summary>
    public NodeBuild? OtherBuild { get; init; }

    public required INodeHost Host { get; init; }

    /// <summary>Five: the least at which two may fail, and at which partitions have shapes.</summary>
    public int Nodes { get; init; } = 5;

    /// <summary>Four shards: keys of one run meet several groups, and two cores can still drive them.</summary>
    public int Shards { get; init; } = 4;

    public int Replicas { get; init; } = 3;

    /// <summary>A file system of its own for each node.</summary>
    public bool OwnVolumes { get; init; }

    /// <summary>Links that can be slow and lossy.</summary>
    public bool OwnLinks { get; init; }

    /// <summary>Of what the cluster itself leaves to chance: which packets are lost.</summary>
    public int Seed { get; init; }

    /// <summary>Wall clocks that can be moved one by one.</summary>
    public bool OwnClocks { get; init; }

    /// <summary>Variables for every node.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    public IEnumerable<int> Numbers => Enumerable.Range(0, Nodes);
}
