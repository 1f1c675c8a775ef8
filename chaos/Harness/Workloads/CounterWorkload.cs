using System.Globalization;
using KvRaft.Chaos.Checkers;
using KvRaft.Client;

namespace KvRaft.Chaos.Workloads;

/// <summary>
/// Counters that only grow, with the retries of the client on: every increment is sent again until it is answered, and must count once.
/// </summary>
internal sealed class CounterWorkload : IWorkload
{
    private const int Counters = 5;

    public string Name => "counter";

    public IReadOnlyDictionary<string, long> Parameters { get; } = new Dictionary<string, long>();

    public Task PrepareAsync(IKvClient client) => Task.CompletedTask;

    public Task StepAsync(Worker worker)
    {
        var key = KeyOf(worker.Random.Next(Counters));
        return worker.Random.Next(4) == 0 ? ReadAsync(worker, key) : IncrementAsync(worker, key);
    }

    public async Task ReadBackAsync(Worker worker, CancellationToken cancel)
    {
        for (var counter = 0; counter < Counters; counter++)
        {
            var key = KeyOf(counter);
            await ReadBack.UntilAnsweredAsync(() => ReadAsync(worker, key), cancel);
        }
    }

    private static string KeyOf(int counter) => string.Create(CultureInfo.InvariantCulture, $"counter{counter}");

    private static Task IncrementAsync(Worker worker, string key)
    {
        var delta = worker.Random.Next(1, 10);
        return worker.DoAsync(new Call(Functions.Increment) { Key = key, Value = Number(delta) }, async () =>
        {
            var answer = await worker.Client.TextKeyspace().IncrementAsync(key, delta);
            return Answer.Ok(Number(answer.Value), answer.Version);
        });
    }

    private static Task<Answer> ReadAsync(Worker worker, string key) =>
        worker.DoAsync(new Call(Functions.Read) { Key = key, IsRead = true }, async () =>
        {
            var read = await worker.Client.TextKeyspace().GetAsync(key);
            return Answer.Ok(Number(read.Found ? long.Parse(read.Value, CultureInfo.InvariantCulture) : 0), read.Version);
        });

    private static HistoryValue Number(long value) => HistoryValue.Json(value.ToString(CultureInfo.InvariantCulture));
}
