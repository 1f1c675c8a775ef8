using KvRaft.V1;

namespace KvRaft.Cli.Commands;

/// <summary>The progress of a move. The numbers are part of the output.</summary>
internal enum MoveStage
{
    /// <summary>The move is agreed; the new replica is not open yet.</summary>
    Agreed = 0,

    /// <summary>The new replica copies the committed data of the group.</summary>
    Copying = 1,

    /// <summary>It has almost all entries.</summary>
    CaughtUp = 2,

    /// <summary>It is a voter, in addition to the old one.</summary>
    Voter = 3,

    /// <summary>The old replica does not vote any more, and it is not in the shard map.</summary>
    Removed = 4,

    /// <summary>The data of the old replica is deleted, or its node does not answer.</summary>
    Dropped = 5,
}

/// <summary>The progress of a move, derived from the status of the nodes; there is no stored record of it. Pure.</summary>
/// <param name="Stage">The last completed step.</param>
/// <param name="Lag">The number of entries that the new replica lacks; null if it does not answer.</param>
/// <param name="Copied">The copied bytes of a checkpoint.</param>
/// <param name="Total">The total bytes of the checkpoint; 0: no copy is running.</param>
internal readonly record struct MoveProgress(MoveStage Stage, long? Lag, long Copied = 0, long Total = 0)
{
    /// <summary>In entries: the number that a loaded shard has in flight at any time.</summary>
    private const long CaughtUpLag = 500;

    public static MoveProgress Of(MoveInfo move, bool isUnderWay, IReadOnlyDictionary<string, StatusResponse> nodes)
    {
        var oldCopy = Group(nodes, move.FromNode, move);
        if (!isUnderWay)
        {
            return new(oldCopy?.Incarnation == move.FromIncarnation ? MoveStage.Removed : MoveStage.Dropped, null);
        }

        var leader = nodes.Keys.Select(node => Group(nodes, node, move)).FirstOrDefault(group => group?.Role == ReplicaRole.Leader);
        var newCopy = Group(nodes, move.ToNode, move) is { } there && there.Incarnation == move.ToIncarnation ? there : null;
        long? lag = leader is null || newCopy is null ? null : Math.Max(0, leader.LastIndex - newCopy.LastIndex);
        if (leader is not null && leader.Voters.Contains(move.ToNode))
        {
            return new(leader.Voters.Contains(move.FromNode) ? MoveStage.Voter : MoveStage.Removed, lag);
        }

        return newCopy is null ? new(MoveStage.Agreed, null)
            : newCopy.CopyBytes > 0 ? new(MoveStage.Copying, lag, newCopy.CopiedBytes, newCopy.CopyBytes)
            : lag is <= CaughtUpLag ? new(MoveStage.CaughtUp, lag)
            : new(MoveStage.Copying, lag);
    }

    public string Describe(MoveInfo move) => Stage switch
    {
        MoveStage.Agreed => "agreed",
        MoveStage.Copying when Total > 0 => $"{move.ToNode} copies {Megabytes(Total)} MB",
        MoveStage.Copying => $"{move.ToNode} copies{(Lag is { } lag ? FormattableString.Invariant($", log lag {lag:N0} entries") : "")}",
        MoveStage.CaughtUp => FormattableString.Invariant($"{move.ToNode} caught up, log lag {Lag:N0} entries"),
        MoveStage.Voter => $"{move.ToNode} is a voter",
        MoveStage.Removed => $"{move.FromNode} is removed",
        _ => $"old replica on {move.FromNode} deleted",
    };

    /// <summary>The progress line of a running copy, or null if no copy is running.</summary>
    /// <param name="move">The move.</param>
    /// <param name="before">The copied bytes at the previous line.</param>
    /// <param name="elapsed">The time since the previous line.</param>
    public string? DescribeCopy(MoveInfo move, long before, TimeSpan elapsed)
    {
        if (Total == 0 || Copied <= before || elapsed <= TimeSpan.Zero)
        {
            return null;
        }

        var rate = (Copied - before) / elapsed.TotalSeconds;
        return FormattableString.Invariant(
            $"{move.ToNode} copied {Megabytes(Copied)} of {Megabytes(Total)} MB ({100.0 * Copied / Total:0} %), {rate / 1_000_000:0.0} MB/s, {(Total - Copied) / rate:0} s left");
    }

    private static string Megabytes(long bytes) => FormattableString.Invariant($"{bytes / 1_000_000.0:0.0}");

    private static GroupStatus? Group(IReadOnlyDictionary<string, StatusResponse> nodes, string node, MoveInfo move) =>
        nodes.GetValueOrDefault(node)?.Groups.FirstOrDefault(group => group.Shard == move.Shard);
}
