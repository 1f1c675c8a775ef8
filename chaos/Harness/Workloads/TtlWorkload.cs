using KvRaft.Chaos.Checkers;
using KvRaft.Client;

namespace KvRaft.Chaos.Workloads;

/// <summary>Values that expire after one to three seconds, read meanwhile and afterwards.</summary>
internal sealed class TtlWorkload : IWorkload
{
    private readonly KeyTurns _keys = new("t", slots: 8, operationsPerKey: 200);

    public string Name => "ttl";

    public IReadOnlyDictionary<string, long> Parameters { get; } = Expiry.Parameters;

    public Task PrepareAsync(IKvClient client) => Task.CompletedTask;

    public Task StepAsync(Worker worker)
    {
        var key = _keys.Next(worker.Random);
        return worker.Random.Next(100) switch
        {
            // Few writes: a value that is overwritten before its expiry shows nothing about its expiry.
            < 94 => GetAsync(worker, key),
            < 98 => PutAsync(worker, key, TimeSpan.FromMilliseconds(worker.Random.Next(700, 2500))),
            < 99 => PutAsync(worker, key, null),
            _ => DeleteAsync(worker, key),
        };
    }

    public Task ReadBackAsync(Worker worker, CancellationToken cancel) => ReadBack.WatchAsync(_keys.All, key => GetAsync(worker, key), cancel);

    private static Task<Answer> GetAsync(Worker worker, string key) =>
        worker.DoAsync(new Call(Functions.Get) { Key = key, IsRead = true }, async () =>
        {
            var read = await worker.Client.TextKeyspace().GetAsync(key);
            return Answer.Ok(HistoryValue.Text(read.ValueOrDefault), read.Version);
        });

    private static Task PutAsync(Worker worker, string key, TimeSpan? timeToLive)
    {
        var value = worker.UniqueValue();
        var call = new Call(Functions.Put) { Key = key, Value = HistoryValue.Text(value), TimeToLive = timeToLive };
        return worker.DoAsync(call, async () =>
        {
            var expiry = timeToLive is { } ttl ? KvExpiry.After(ttl) : KvExpiry.Never;
            var write = await worker.Client.TextKeyspace().PutAsync(key, value, new KvWriteOptions { Expiry = expiry });
            return Answer.Ok(revision: write.Version);
        });
    }

    private static Task DeleteAsync(Worker worker, string key) =>
        worker.DoAsync(new Call(Functions.Delete) { Key = key }, async () =>
        {
            var write = await worker.Client.TextKeyspace().DeleteAsync(key);
            return Answer.Ok(revision: write.Version);
        });
}
