using System.Reflection;
using System.Runtime.CompilerServices;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Options;

namespace KvRaft.Raft.Consensus;

/// <summary>
/// A private field of DotNext 6.12: how long a replica waits for its leader, which is also how long it sticks to it. Shortened for a
/// moment, it lets one chosen replica stand for election at once and the others listen to it; terms, votes and logs are compared as
/// ever, so nothing about safety changes. Verified when a group opens; without it leadership is handed over the public, undirected way.
/// </summary>
internal static class ElectionInternals
{
    /// <summary>Whether the field is there. Without it elections cannot be directed, and a group's own timeouts must be short.</summary>
    public static bool AreThere { get; } =
        typeof(RaftCluster<RaftClusterMember>).GetField("electionTimeout", BindingFlags.Instance | BindingFlags.NonPublic)?.FieldType == typeof(int);

    /// <summary>Whether the field is there and holds what the configuration says it must.</summary>
    public static bool IsUsable(RaftCluster cluster, RaftTimings timings)
    {
        if (!AreThere)
        {
            return false;
        }

        var milliseconds = Volatile.Read(ref ElectionTimeout(cluster));
        return milliseconds >= RaftTimings.GroupPatience * timings.ElectionMin.TotalMilliseconds
            && milliseconds <= RaftTimings.GroupPatience * timings.ElectionMax.TotalMilliseconds;
    }

    /// <summary>Sets the timeout, milliseconds; answers the one before.</summary>
    public static int Exchange(RaftCluster cluster, int milliseconds) => Interlocked.Exchange(ref ElectionTimeout(cluster), milliseconds);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "electionTimeout")]
    private static extern ref int ElectionTimeout(RaftCluster<RaftClusterMember> cluster);
}
