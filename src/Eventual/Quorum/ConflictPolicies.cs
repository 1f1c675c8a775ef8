using KvRaft.Eventual.Values;
using KvRaft.Topology;

namespace KvRaft.Eventual.Quorum;

/// <summary>The properties that follow from the conflict policy of a keyspace.</summary>
internal static class ConflictPolicies
{
    /// <summary>The kind of value that such a keyspace holds; null if it holds plain bytes.</summary>
    public static MergeKind? KindOf(this ConflictPolicy policy) => policy switch
    {
        ConflictPolicy.Counter => MergeKind.Counter,
        ConflictPolicy.Set => MergeKind.Set,
        ConflictPolicy.Register => MergeKind.Register,
        ConflictPolicy.Map => MergeKind.Map,
        _ => null,
    };

    /// <summary>
    /// May keys be deleted? Not if the value can contain a counter: the shares of a counter must never begin again at zero.
    /// </summary>
    public static bool AllowsDelete(this ConflictPolicy policy) => policy is not (ConflictPolicy.Counter or ConflictPolicy.Map);
}
