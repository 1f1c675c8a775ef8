using System.Text.Json;
using KvRaft.Chaos.Checkers;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Chaos.Workloads;

/// <summary>
/// The common part of the workloads on eventual keyspaces. It creates the keyspace and runs the operations of a client: a read, a write that replaces the
/// values that the client read, a delete.
/// </summary>
internal static class EventualKeyspaces
{
    /// <summary>N of every keyspace here; two nodes of five are fallbacks.</summary>
    public const int Copies = 3;

    /// <summary>R and W of the keyspaces that both halves of a partitioned cluster can write to.</summary>
    public const int Quorum = 2;

    private static readonly KvEventualOptions FromAll = new() { Read = Copies, Sloppy = false };

    /// <summary>Creates the keyspace, and waits until every node has received it.</summary>
    public static async Task<KeyspaceInfo> CreateAsync(IKvClient client, string name, EventualPolicy policy)
    {
        var made = await client.Administration.Calls.CreateKeyspaceAsync(
            new KeyspaceInfo { Name = name, Mode = KeyspaceMode.Eventual, Eventual = policy }, ifNotExists: true);
        foreach (var endpoint in client.Options.Endpoints)
        {
            await using var one = KvClient.Connect($"kvraft://{endpoint}/default?routing=endpoints&timeout=10s");
            while (!await KnowsAsync(one, name))
            {
                await Task.Delay(50);
            }
        }

        return made;
    }

    /// <summary>A read, and the data for a write over it.</summary>
    public static async Task<(Answer Answer, string[] Values, KvContext Context)> GetAsync(Worker worker, string keyspace, string key, bool fromAll = false)
    {
        (string[] Values, KvContext Context) seen = ([], KvContext.None);
        var answer = await worker.DoAsync(
            new Call(Functions.EventualGet) { Key = key, IsRead = true, Level = fromAll ? CausalRead.FinalLevel : "eventual" },
            async () =>
            {
                var read = await Of(worker, keyspace).GetAsync(key, fromAll ? FromAll : null);
                seen = ([.. read.Values], read.Context);
                return Answer.Ok(HistoryValue.Json(JsonSerializer.Serialize(new { values = seen.Values, overlaps = read.Quorum.Overlaps })));
            });
        return (answer, seen.Values, seen.Context);
    }

    public static Task<Answer> PutAsync(Worker worker, string keyspace, string key, string[] saw, KvContext context)
    {
        var value = worker.UniqueValue();
        var call = new Call(Functions.EventualPut) { Key = key, Value = HistoryValue.Json(JsonSerializer.Serialize(new { write = value, saw })) };
        return worker.DoAsync(call, async () => WithQuorum(await Of(worker, keyspace).PutAsync(key, value, context)));
    }

    public static Task<Answer> DeleteAsync(Worker worker, string keyspace, string key, string[] saw, KvContext context)
    {
        var call = new Call(Functions.EventualDelete) { Key = key, Value = HistoryValue.Json(JsonSerializer.Serialize(new { saw })) };
        return worker.DoAsync(call, async () => WithQuorum(await Of(worker, keyspace).DeleteAsync(key, context)));
    }

    private static Answer WithQuorum(KvEventualWrite write) =>
        Answer.Ok(HistoryValue.Json(JsonSerializer.Serialize(new { overlaps = write.Quorum.Overlaps, repeated = write.Quorum.Repeated })));

    private static IEventualKeyspace<string, string> Of(Worker worker, string name) =>
        worker.Client.Eventual.Keyspace(name, KvSerializers.Utf8, KvSerializers.Utf8);

    private static async Task<bool> KnowsAsync(KvClient node, string name)
    {
        try
        {
            await node.Administration.Calls.GetKeyspaceAsync(name);
            return true;
        }
        catch (KvException failure) when (failure.Reason == ErrorReasons.KeyspaceNotFound)
        {
            return false;
        }
    }
}
