using System.Collections.Concurrent;
using KvRaft.Chaos.Checkers;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Chaos.Workloads;

/// <summary>
/// Concurrent values: clients write without a read, write over what they or others have read, even long ago, and delete. Two replicas must have a write, and
/// fallbacks are allowed, so that both halves of a partitioned cluster accept it.
/// </summary>
internal sealed class SiblingsWorkload : IWorkload
{
    private const string Keyspace = "siblings";

    // A key is in use long enough to be read, written and deleted on both sides of a partition, and the keys are few enough that several clients use each.
    private readonly KeyTurns _keys = new("e", slots: 12, operationsPerKey: 120);
    private readonly ConcurrentDictionary<string, (string[] Values, KvContext Context)> _seen = new();

    public string Name => "siblings";

    public IReadOnlyDictionary<string, long> Parameters { get; } = new Dictionary<string, long>
    {
        [CausalChecker.SiblingsMaxParameter] = 100,
        [SideAvailability.ShareParameter] = 999,
    };

    public KeyspaceInfo? Eventual { get; private set; }

    public async Task PrepareAsync(IKvClient client) => Eventual = await EventualKeyspaces.CreateAsync(
        client, Keyspace, new EventualPolicy { N = EventualKeyspaces.Copies, R = EventualKeyspaces.Quorum, W = EventualKeyspaces.Quorum, Conflict = ConflictPolicy.Siblings });

    public async Task StepAsync(Worker worker)
    {
        var key = _keys.Next(worker.Random);
        var (saw, context) = _seen.GetValueOrDefault(key, ([], KvContext.None));
        switch (worker.Random.Next(100))
        {
            case < 35:
                await ReadAsync(worker, key);
                break;
            case < 50:
                await EventualKeyspaces.PutAsync(worker, Keyspace, key, [], KvContext.None);
                break;
            case < 75:
                await EventualKeyspaces.PutAsync(worker, Keyspace, key, saw, context);
                break;
            case < 88 when await ReadAsync(worker, key) is { Context.Bytes.IsEmpty: false } now:
                await EventualKeyspaces.PutAsync(worker, Keyspace, key, now.Values, now.Context);
                break;
            default:
                if (await ReadAsync(worker, key) is { Context.Bytes.IsEmpty: false } last)
                {
                    await EventualKeyspaces.DeleteAsync(worker, Keyspace, key, last.Values, last.Context);
                }

                break;
        }
    }

    public async Task ReadBackAsync(Worker worker, CancellationToken cancel)
    {
        foreach (var key in _keys.All)
        {
            await ReadBack.UntilAnsweredAsync(async () => (await EventualKeyspaces.GetAsync(worker, Keyspace, key, fromAll: true)).Answer, cancel);
        }
    }

    private async Task<(string[] Values, KvContext Context)> ReadAsync(Worker worker, string key)
    {
        var (answer, values, context) = await EventualKeyspaces.GetAsync(worker, Keyspace, key);
        if (answer.Type == EventType.Ok)
        {
            _seen[key] = (values, context);
        }

        return (values, context);
    }
}
