using KvRaft.Raft.Membership;

namespace KvRaft.Raft.Groups;

/// <summary>A replica whose log start moves.</summary>
internal interface IRetainedGroup : IGroup
{
    /// <summary>The node's disk accepts more entries than fit into the rest of the current log segment.</summary>
    bool HasRoom { get; }

    /// <summary>It lost nothing. The log of a replica that lost its log or its state is not truncated.</summary>
    bool IsIntact { get; }

    /// <summary>The first index that a replica in catch-up needs; <see cref="long.MaxValue"/> if there is none.</summary>
    long NeededFrom { get; }
}
