using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Chaos.Workloads;

/// <summary>A keyspace whose keys with one {tag} are in one shard, so that transactions can change several of them.</summary>
internal static class TaggedKeyspace
{
    public const string Name = "tagged";

    /// <summary>Creates it, and waits until every node has received it: until then a node reports that it does not exist.</summary>
    public static async Task CreateAsync(IKvClient client)
    {
        await client.Administration.Calls.CreateKeyspaceAsync(new KeyspaceInfo { Name = Name, Mode = KeyspaceMode.Strong, Routing = RoutingRule.Tag }, ifNotExists: true);
        foreach (var endpoint in client.Options.Endpoints)
        {
            await using var one = KvClient.Connect($"kvraft://{endpoint}/{Name}?routing=endpoints&timeout=10s");
            while (!await KnowsAsync(one))
            {
                await Task.Delay(50);
            }
        }
    }

    public static IKeyspace<string, string> Of(Worker worker) => worker.Client.TextKeyspace(Name);

    /// <summary>The condition that a key is unchanged since it was read in this state.</summary>
    public static KvCondition Unchanged(KvEntry<string>? read) => read is { } entry ? KvCondition.VersionIs(entry.Version) : KvCondition.Absent;

    private static async Task<bool> KnowsAsync(KvClient node)
    {
        try
        {
            await node.TextKeyspace().GetAsync("{known}");
            return true;
        }
        catch (KvException failure) when (failure.Reason == ErrorReasons.KeyspaceNotFound)
        {
            return false;
        }
    }
}
