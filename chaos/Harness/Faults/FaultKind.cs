namespace KvRaft.Chaos.Faults;

/// <summary>The requirements of a fault on the machine.</summary>
[Flags]
internal enum FaultNeeds
{
    None = 0,

    /// <summary>A network namespace for each node: root, ip.</summary>
    Network = 1,

    /// <summary>A separate file system for each node: root, loop devices, mkfs.ext4.</summary>
    Volumes = 2,

    /// <summary>strace, which may attach to processes.</summary>
    Tracer = 4,

    /// <summary>A C compiler, for the shim between the node and the kernel.</summary>
    Shim = 8,

    /// <summary>/dev/net/tun, for links that are slow or lossy.</summary>
    Links = 16,

    /// <summary>A second build of the node.</summary>
    OtherBuild = 32,
}

/// <summary>A fault by its name, as scenarios and the marks of a history use it.</summary>
/// <param name="Name">Lower case with hyphens.</param>
/// <param name="Needs">The requirements on the machine.</param>
/// <param name="Create">Creates one for each injection.</param>
internal sealed record FaultKind(string Name, FaultNeeds Needs, Func<IFault> Create)
{
    /// <summary>It stops the whole store, or may do so: meanwhile no answer is guaranteed.</summary>
    public bool IsTotal { get; init; }

    /// <summary>With fewer nodes it has no effect.</summary>
    public int NodesMin { get; init; } = 3;

    /// <summary>Replicas of a shard; with fewer it has no visible effect.</summary>
    public int ReplicasMin { get; init; } = 1;

    /// <summary>It needs nodes that have no replica of a shard: three replicas, not all.</summary>
    public bool NeedsSpareNodes { get; init; }

    /// <summary>The only workload with which it has an effect; null: any.</summary>
    public string? Workload { get; init; }

    /// <summary>It must be healed fully before another fault may follow, so it is in no mix.</summary>
    public bool IsSolitary { get; init; }

    /// <summary>It removes no node, link or disk: a write that the store refuses meanwhile counts as a violation.</summary>
    public bool ExcusesNoRefusal { get; init; }

    /// <summary>The effect, for the list.</summary>
    public required string What { get; init; }
}
