using System.Text;
using KvRaft.Eventual.Causality;
using KvRaft.Eventual.Replicas;
using KvRaft.Storage.Engine;
using KvRaft.Topology;

namespace KvRaft.Eventual.Tests.Replicas;

internal static class Some
{
    /// <summary>One set of resources for the whole test process, as in a node.</summary>
    public static readonly StorageResources Engines = new(new StorageBudget { MemoryBytes = StorageBudget.MemoryBytesMin, BackgroundThreads = 2 });

    public static EventualKey Key(string text, uint keyspace = 7) => new(
        new KeyspaceId(keyspace),
        KeyHash.TokenOf(KeyHash.Seed, new KeyspaceId(keyspace), RoutingRule.WholeKey, Encoding.UTF8.GetBytes(text)),
        Encoding.UTF8.GetBytes(text));

    public static PutValue Put(string value, VersionVector? context = null, UInt128 writeId = default, ConflictPolicy policy = ConflictPolicy.Siblings, long expireAtMs = 0) =>
        new(policy, context ?? VersionVector.Empty, Encoding.UTF8.GetBytes(value), expireAtMs, writeId);

    /// <summary>The id of a write with this number and this content.</summary>
    public static UInt128 WriteId(long sequence, string content) => WriteName.Of("client"u8, sequence, Encoding.UTF8.GetBytes(content));

    public static EventualReplica Open(string directory, EventualLimits? limits = null, IEngineFactory? engines = null) =>
        EventualReplica.Open(directory, engines ?? Engines, limits ?? new EventualLimits(), TimeProvider.System);

    public static Task<WriteResult> WriteAsync(this EventualReplica replica, EventualKey key, ReplicaWrite write, bool durable = true) =>
        replica.WriteAsync(key, write, durable, CancellationToken.None);

    public static string[] Texts(this SiblingSet set) => [.. set.Siblings.Select(static sibling => Encoding.UTF8.GetString(sibling.Value.Span)).Order()];
}
