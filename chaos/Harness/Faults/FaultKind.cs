namespace KvRaft.Chaos.Faults;

/// <summary>What a fault asks of the machine.</summary>
[Flags]
internal enum FaultNeeds
{
    None = 0,

    /// <summary>A network namespace for each node: root, ip.</summary>
    Network = 1,

    /// <summary>A file system of its own for each node: root, loop devices, mkfs.ext4.</summary>
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

/// <summary>A fault by its name, as it stands in scenarios and in the marks of a history.</summary>
/// <param name="Name">Lower case with hyphens.</param>
/// <param name="Needs">What the machine must offer.</param>
/// <param name="Create">A new one for each injection.</param>
internal sealed record FaultKind(string Name, FaultNeeds Needs, Func<IFault> Create)
{
    /// <summary>It stops the whole store, or may: while it lasts nobody promises an answer.</summary>
    public bool IsTotal { get; init; }

    /// <summary>Fewer nodes give it no shape.</summary>
    public int NodesMin { get; init; } = 3;

    /// <summary>Of a shard; with fewer there is nothing to see.</summary>
    public int ReplicasMin { get; init; } = 1;

    /// <summary>It needs nodes that have no replica of a shard: three replicas, not all.</summary>
    public bool NeedsSpareNodes { get; init; }

    /// <summary>It must be healed fully before another may follow, so it is in no mix.</summary>
    public bool IsSolitary { get; init; }

    /// <summary>No node, link or disk is lost by it: writes refused while it lasts are held against the store.</summary>
    public bool ExcusesNoRefusal { get; init; }

    /// <summary>What it does, for the list.</summary>
    public required string What { get; init; }
}
