using System.Globalization;
using KvRaft.Chaos.Checkers;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Chaos.Workloads;

/// <summary>Values that the store merges: fields of maps, changed on every side of a partition. At the end every node is read, and all must return the
/// same.</summary>
internal sealed class ConvergeWorkload : IWorkload
{
    private const string Keyspace = "merged";
    private const int Maps = 4;
    private const int FieldsPerMap = 3;
    private const int ElementsKnown = 8;

    private static readonly KvEventualOptions Own = new() { Read = 1 };

    private IReadOnlyList<string> _endpoints = [];

    public string Name => "converge";

    public IReadOnlyDictionary<string, long> Parameters { get; } = new Dictionary<string, long> { [SideAvailability.ShareParameter] = 999 };

    public KeyspaceInfo? Eventual { get; private set; }

    public async Task PrepareAsync(IKvClient client)
    {
        _endpoints = client.Options.Endpoints;
        Eventual = await EventualKeyspaces.CreateAsync(
            client, Keyspace, new EventualPolicy { N = EventualKeyspaces.Copies, R = EventualKeyspaces.Quorum, W = EventualKeyspaces.Quorum, Conflict = ConflictPolicy.Map });
    }

    public Task StepAsync(Worker worker)
    {
        var (map, field) = (worker.Random.Next(Maps), worker.Random.Next(FieldsPerMap));
        return worker.Random.Next(10) switch
        {
            < 4 => AddAsync(worker, map, field),
            < 9 => ChangeSetAsync(worker, map, field),
            _ => ReadAsync(worker, worker.Client, map, null),
        };
    }

    public async Task ReadBackAsync(Worker worker, CancellationToken cancel)
    {
        for (var node = 0; node < _endpoints.Count; node++)
        {
            await using var client = KvClient.Connect($"kvraft://{_endpoints[node]}/default?routing=endpoints&timeout=10s");
            for (var map = 0; map < Maps; map++)
            {
                await ReadBack.UntilAnsweredAsync(() => ReadAsync(worker, client, map, $"n{node + 1}"), cancel);
            }
        }
    }

    private static Task<Answer> AddAsync(Worker worker, int map, int field)
    {
        var delta = worker.Random.Next(1, 10);
        return worker.DoAsync(new Call(Functions.Increment) { Key = KeyOf(map, "count", field), Value = Json(delta) }, async () =>
        {
            await MapOf(worker.Client, map).AddToCounterAsync(NameOf("count", field), delta);
            return Answer.Ok();
        });
    }

    // Mostly new elements; now and then an element that may be present is removed, or removed and added again.
    private static Task<Answer> ChangeSetAsync(Worker worker, int map, int field)
    {
        var removes = worker.Random.Next(4) == 0;
        var known = worker.Random.Next(2) == 0 || removes;
        var element = (known ? -1 - worker.Random.Next(ElementsKnown) : worker.UniqueNumber()).ToString(CultureInfo.InvariantCulture);
        var call = new Call(removes ? Functions.Remove : Functions.Add) { Key = KeyOf(map, "set", field), Value = HistoryValue.Json(element) };
        return worker.DoAsync(call, async () =>
        {
            var (fields, bytes) = (MapOf(worker.Client, map), KvSerializers.Utf8.Serialize(element));
            await (removes ? fields.RemoveFromSetAsync(NameOf("set", field), bytes) : fields.AddToSetAsync(NameOf("set", field), bytes));
            return Answer.Ok();
        });
    }

    /// <summary>Reads a map; at the end, from one node, each field is a separate operation.</summary>
    private static async Task<Answer> ReadAsync(Worker worker, IKvClient client, int map, string? node)
    {
        if (node is null)
        {
            return await worker.DoAsync(new Call(Functions.Read) { Key = KeyOf(map, "count", 0), IsRead = true, Level = "eventual" }, async () =>
            {
                var value = await MapOf(client, map).GetAsync();
                return Answer.Ok(Json(value.Counters.GetValueOrDefault(NameOf("count", 0))));
            });
        }

        KvMapValue? found = null;
        var answer = default(Answer);
        for (var field = 0; field < FieldsPerMap; field++)
        {
            var (count, set) = (NameOf("count", field), NameOf("set", field));
            answer = await worker.DoAsync(Final(KeyOf(map, "count", field), node), async () =>
            {
                found ??= await MapOf(client, map).GetAsync(Own);
                return Answer.Ok(Json(found.Counters.GetValueOrDefault(count)));
            });
            if (answer.Type != EventType.Ok)
            {
                return answer;
            }

            await worker.DoAsync(Final(KeyOf(map, "set", field), node), () => Task.FromResult(Answer.Ok(HistoryValue.Json(
                $"[{string.Join(',', (found!.Sets.GetValueOrDefault(set) ?? []).Select(element => KvSerializers.Utf8.Deserialize(element)).Order(StringComparer.Ordinal))}]"))));
        }

        return answer;
    }

    private static Call Final(string key, string node) => new(Functions.Read) { Key = key, IsRead = true, Level = CausalRead.FinalLevel, Node = node };

    private static KvMap MapOf(IKvClient client, int map) => client.Eventual.Map(Keyspace, string.Create(CultureInfo.InvariantCulture, $"map{map}"));

    private static string NameOf(string kind, int field) => string.Create(CultureInfo.InvariantCulture, $"{kind}{field}");

    private static string KeyOf(int map, string kind, int field) => string.Create(CultureInfo.InvariantCulture, $"map{map}.{kind}{field}");

    private static HistoryValue Json(long number) => HistoryValue.Json(number.ToString(CultureInfo.InvariantCulture));
}
