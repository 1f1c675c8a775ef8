using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Chaos.Workloads;

/// <summary>A keyspace whose keys meet in one shard by their {tag}, so that transactions can change several of them.</summary>
internal static class TaggedKeyspace
{
    public const string Name = "tagged";

    public static Task CreateAsync(IKvClient client) => client.Administration.CreateKeyspaceAsync(
        new KeyspaceInfo { Name = Name, Mode = KeyspaceMode.Strong, Routing = RoutingRule.Tag }, ifNotExists: true);

    public static IKeyspace<string, string> Of(Worker worker) => worker.Client.TextKeyspace(Name);

    /// <summary>What must hold for a key that was read in this state.</summary>
    public static KvCondition Unchanged(KvEntry<string>? read) => read is { } entry ? KvCondition.VersionIs(entry.Version) : KvCondition.Absent;
}
