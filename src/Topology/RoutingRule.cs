namespace KvRaft.Topology;

/// <summary>Which bytes of a key decide its shard. The numbers are stored and sent; they never change their meaning.</summary>
public enum RoutingRule : byte
{
    WholeKey = 1,

    /// <summary>
    /// What stands between the first <c>{</c> and the next <c>}</c> of the key, if that is not empty; else the whole key (the
    /// rule of Redis Cluster). <c>cart:{42}:items</c> and <c>cart:{42}:total</c> meet in one shard.
    /// </summary>
    Tag = 2,
}
