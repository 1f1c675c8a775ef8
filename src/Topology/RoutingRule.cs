namespace KvRaft.Topology;

/// <summary>The part of a key that determines its shard. The numbers are stored and sent; they never change their meaning.</summary>
public enum RoutingRule : byte
{
    WholeKey = 1,

    /// <summary>
    /// The part between the first <c>{</c> and the next <c>}</c> of the key, if it is not empty; otherwise the whole key (the rule of Redis Cluster).
    /// <c>cart:{42}:items</c> and <c>cart:{42}:total</c> are in one shard.
    /// </summary>
    Tag = 2,
}
