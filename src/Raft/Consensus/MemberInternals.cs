using System.Runtime.CompilerServices;
using DotNext.Net.Cluster.Consensus.Raft;

namespace KvRaft.Raft.Consensus;

/// <summary>
/// The one private thing of DotNext 6.12 this store touches: where a leader believes a follower's log ends. After a checkpoint
/// was installed out of band, the leader does not find that out by itself (its request for the entries below its own log
/// start never leaves), so it is told, and moves its next index forward. Setting it wrong is harmless: the follower checks the
/// preceding entry's term in any case. The field is verified at start; DotNext's version is pinned.
/// </summary>
internal interface IMemberInternals : IRaftClusterMember
{
    /// <summary>Moves the leader's next index for a member forward to <paramref name="nextIndex"/>; never back.</summary>
    static void MoveNextIndex(RaftClusterMember member, long nextIndex)
    {
        ref var state = ref StateOf(member);
        if (Volatile.Read(ref state.NextIndex) < nextIndex)
        {
            Volatile.Write(ref state.NextIndex, nextIndex);
        }
    }

    static long NextIndex(RaftClusterMember member) => Volatile.Read(ref StateOf(member).NextIndex);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "state")]
    private static extern ref ReplicationState StateOf(RaftClusterMember member);
}
