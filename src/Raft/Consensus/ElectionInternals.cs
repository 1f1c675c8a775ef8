using System.Reflection;
using System.Runtime.CompilerServices;
using DotNext.Net.Cluster.Consensus.Raft;
using KvRaft.Raft.Options;

namespace KvRaft.Raft.Consensus;

/// <summary>
/// A private field of DotNext 6.12: the time for which a replica waits for its leader, which is also the time for which it rejects other candidates. If it is shortened for a
/// moment, one chosen replica campaigns at once and the others accept its campaign. Terms, votes and logs are compared as
/// always, so safety is not affected. The field is verified when a group opens; without it, leadership is transferred by the public, undirected method.
/// </summary>
internal static class ElectionInternals
{
    /// <summary>True if the field exists. Without it elections cannot be directed, and a group's own timeouts must be short.</summary>
    public static bool AreThere { get; } =
        typeof(RaftCluster<RaftClusterMember>).GetField("electionTimeout", BindingFlags.Instance | BindingFlags.NonPublic)?.FieldType == typeof(int);

    /// <summary>True if the field exists and holds the configured value.</summary>
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

    /// <summary>Sets the timeout in milliseconds; returns the previous one.</summary>
    public static int Exchange(RaftCluster cluster, int milliseconds) => Interlocked.Exchange(ref ElectionTimeout(cluster), milliseconds);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "electionTimeout")]
    private static extern ref int ElectionTimeout(RaftCluster<RaftClusterMember> cluster);
}
