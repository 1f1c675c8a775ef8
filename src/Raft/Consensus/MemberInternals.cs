using System.Runtime.CompilerServices;
using DotNext.Net.Cluster.Consensus.Raft;

namespace KvRaft.Raft.Consensus;

/// <summary>
/// A private field of DotNext 6.12: the leader's next index for a follower. After a checkpoint
/// was installed outside of Raft, the leader does not detect it by itself (its request for entries below its own log
/// start is never sent). So the leader is notified and moves its next index forward. A wrong value is harmless: the follower checks the
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
