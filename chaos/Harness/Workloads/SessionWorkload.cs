using System.Collections.Concurrent;
using KvRaft.Chaos.Checkers;
using KvRaft.Client;
using KvRaft.V1;

namespace KvRaft.Chaos.Workloads;

/// <summary>
/// Quorums that overlap: with R + W above N and no fallbacks, a read must see every write that was acknowledged before it, whichever client wrote it and
/// whichever node is read. Sides of a partition without a quorum refuse, which is allowed.
/// </summary>
internal sealed class SessionWorkload : IWorkload
{
    private const string Keyspace = "sessions";

    private readonly KeyTurns _keys = new("c", slots: 8, operationsPerKey: 120);
    private readonly ConcurrentDictionary<string, (string[] Values, KvContext Context)> _seen = new();

    public string Name => "session";

    public IReadOnlyDictionary<string, long> Parameters { get; } = new Dictionary<string, long>();

    public KeyspaceInfo? Eventual { get; private set; }

    public async Task PrepareAsync(IKvClient client) => Eventual = await EventualKeyspaces.CreateAsync(
        client, Keyspace, new EventualPolicy { N = EventualKeyspaces.Copies, R = 2, W = 2, Strict = true, Conflict = ConflictPolicy.Siblings });

    public async Task StepAsync(Worker worker)
    {
        var key = _keys.Next(worker.Random);
        if (worker.Random.Next(2) == 0)
        {
            var (answer, values, context) = await EventualKeyspaces.GetAsync(worker, Keyspace, key);
            if (answer.Type == EventType.Ok)
            {
                _seen[key] = (values, context);
            }

            return;
        }

        var (saw, seen) = _seen.GetValueOrDefault(key, ([], KvContext.None));
        await (worker.Random.Next(5) == 0 && saw.Length > 0
            ? EventualKeyspaces.DeleteAsync(worker, Keyspace, key, saw, seen)
            : EventualKeyspaces.PutAsync(worker, Keyspace, key, saw, seen));
    }

    public async Task ReadBackAsync(Worker worker, CancellationToken cancel)
    {
        foreach (var key in _keys.All)
        {
            await ReadBack.UntilAnsweredAsync(async () => (await EventualKeyspaces.GetAsync(worker, Keyspace, key, fromAll: true)).Answer, cancel);
        }
    }
}
