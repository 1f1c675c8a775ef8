using System.Reflection;
using DotNext.Net.Cluster.Consensus.Raft;

namespace KvRaft.Raft.Tests.Rounds;

/// <summary>DotNext's own round, by reflection: its barrier and its rule for the commit index, without its network.</summary>
internal sealed class LibraryRound
{
    private const string Namespace = "DotNext.Net.Cluster.Consensus.Raft";
    private const BindingFlags Any = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;

    private static readonly Type Barrier = Find(".ReplicationUtils.ReplicationBarrier");
    private static readonly Type MemberResult = Find(".ReplicationUtils.MemberResult");
    private static readonly MedianRule CommitIndexOf = Find(".LeaderState`1").MakeGenericType(typeof(RaftClusterMember))
        .GetMethod("GetCommitIndex", Any, [typeof(Span<long>)])!.CreateDelegate<MedianRule>();

    private readonly object _barrier = Activator.CreateInstance(Barrier, nonPublic: true)!;
    private readonly object _completion;

    public LibraryRound(int voters, long checkpoint) =>
        _completion = Barrier.GetMethod("WaitAsync", Any)!.Invoke(_barrier, [voters, checkpoint])!;

    private delegate long MedianRule(Span<long> indices);

    public bool IsOver => (bool)_completion.GetType().GetProperty("IsCompleted")!.GetValue(_completion)!;

    public void Add(long? index)
    {
        var result = index switch
        {
            null => null,
            0 => MemberResult.GetProperty("Touched", Any)!.GetValue(null),
            _ => MemberResult.GetMethod("Replicated", Any)!.Invoke(null, [index]),
        };
        Barrier.GetMethod("SetResult", Any)!.Invoke(_barrier, [result]);
    }

    /// <summary>As <c>LeaderState</c> calls it when the round is over.</summary>
    public (bool HasConsensus, long CommitIndex) Decide()
    {
        var result = _completion.GetType().GetProperty("Result")!.GetValue(_completion)!;
        object?[] parts = [null, null];
        result.GetType().GetMethod("Deconstruct", Any)!.Invoke(result, parts);
        var (quorum, hasConsensus) = ((int)parts[0]!, (bool)parts[1]!);
        var indices = new long[quorum];
        for (var i = 0; i < quorum; i++)
        {
            var slot = Barrier.GetMethod("get_Item", Any)!;
            indices[i] = (long)MemberResult.GetProperty("ReplicatedIndex", Any)!.GetValue(slot.Invoke(_barrier, [i]))!;
        }

        return (hasConsensus, hasConsensus ? CommitIndexOf(indices) : 0);
    }

    private static Type Find(string name) => typeof(RaftCluster).Assembly.GetType(Namespace + name, throwOnError: true)!;
}
