using System.Collections.Concurrent;
using System.Text;
using KvRaft.Chaos.Checkers;
using KvRaft.Client;

namespace KvRaft.Chaos.Workloads;

/// <summary>
/// Locks as applications build them: put-if-absent of a token with a time-to-live. The holder of a lock renews it, releases it, reads it, or abandons it;
/// the others
/// try to acquire it meanwhile.
/// </summary>
internal sealed class LockWorkload : IWorkload
{
    // Fewer locks than workers, so that most of them find a lock that is held; and few grants per key, because each may expire at any time as far as
    // linearizability goes.
    private readonly KeyTurns _keys = new("l", slots: 4, operationsPerKey: 80);
    private readonly ConcurrentDictionary<int, (string Key, string Token)> _held = new();

    public string Name => "lock";

    public IReadOnlyDictionary<string, long> Parameters { get; } = Expiry.Parameters;

    public Task PrepareAsync(IKvClient client) => Task.CompletedTask;

    public async Task StepAsync(Worker worker)
    {
        if (!_held.TryGetValue(worker.Number, out var held))
        {
            var key = _keys.Next(worker.Random);
            await (worker.Random.Next(4) == 0 ? GetAsync(worker, key) : AcquireAsync(worker, key));
            return;
        }

        switch (worker.Random.Next(100))
        {
            case < 35:
                await RenewAsync(worker, held.Key, held.Token);
                break;
            case < 75:
                await GetAsync(worker, held.Key);
                break;
            case < 90:
                await ReleaseAsync(worker, held.Key, held.Token);
                break;
            default:
                _held.TryRemove(worker.Number, out _);
                break;
        }
    }

    public Task ReadBackAsync(Worker worker, CancellationToken cancel) => ReadBack.WatchAsync(_keys.All, key => GetAsync(worker, key), cancel);

    private async Task AcquireAsync(Worker worker, string key)
    {
        var (token, ttl) = (worker.UniqueValue(), TimeToLive(worker));
        var answer = await worker.DoAsync(Cas(key, null, token, ttl), async () => Of(await worker.Client.TextKeyspace().PutIfAbsentAsync(key, token, For(ttl))));
        if (answer.Type == EventType.Ok)
        {
            _held[worker.Number] = (key, token);
        }
    }

    private async Task RenewAsync(Worker worker, string key, string token)
    {
        var ttl = TimeToLive(worker);
        var answer = await worker.DoAsync(Cas(key, token, token, ttl), async () => Of(await worker.Client.TextKeyspace().PutIfExpectedAsync(key, token, Is(token), For(ttl))));
        if (answer.Type != EventType.Ok)
        {
            // Lost, or not reliable.
            _held.TryRemove(worker.Number, out _);
        }
    }

    private Task ReleaseAsync(Worker worker, string key, string token)
    {
        _held.TryRemove(worker.Number, out _);
        return worker.DoAsync(Cas(key, token, null, null), async () =>
        {
            var delete = await worker.Client.TextKeyspace().DeleteAsync(key, new KvWriteOptions { Condition = Is(token) });
            return Of(delete.Applied, delete.Version, delete.Current?.Value);
        });
    }

    private static Task<Answer> GetAsync(Worker worker, string key) =>
        worker.DoAsync(new Call(Functions.Get) { Key = key, IsRead = true }, async () =>
        {
            var read = await worker.Client.TextKeyspace().GetAsync(key);
            return Answer.Ok(HistoryValue.Text(read.ValueOrDefault), read.Version);
        });

    private static Call Cas(string key, string? expected, string? value, TimeSpan? ttl) =>
        new(Functions.CompareAndSet) { Key = key, Expected = HistoryValue.Text(expected), Value = HistoryValue.Text(value), TimeToLive = ttl };

    /// <summary>One to three seconds: a run sees many expire, and the margin of half a second is small beside it.</summary>
    private static TimeSpan TimeToLive(Worker worker) => TimeSpan.FromMilliseconds(worker.Random.Next(1000, 3000));

    private static KvWriteOptions For(TimeSpan ttl) => new() { Expiry = KvExpiry.After(ttl) };

    private static KvCondition Is(string token) => KvCondition.ValueIs(Encoding.UTF8.GetBytes(token));

    private static Answer Of(KvWriteResult<string> write) => Of(write.Applied, write.Version, write.Current?.Value);

    /// <summary>A refusal names the holder of the lock, which is evidence about that holder.</summary>
    private static Answer Of(bool applied, long version, string? holder) => applied
        ? Answer.Ok(revision: version)
        : Answer.Fail(ErrorCodes.CompareMismatch) with { Value = HistoryValue.Text(holder) };
}
