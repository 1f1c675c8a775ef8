using System.Collections.Concurrent;
using System.Text;
using KvRaft.Chaos.Checkers;
using KvRaft.Client;

namespace KvRaft.Chaos.Workloads;

/// <summary>Independent registers: put, get, delete, compare-and-set and compare-and-delete of unique values.</summary>
/// <param name="name">The name in the history.</param>
/// <param name="paddingBytes">The bytes of each value behind the part that the history contains.</param>
internal sealed class RegisterWorkload(string name = "register", int paddingBytes = 0) : IWorkload
{
    private const char Padding = '.';

    private readonly string _padding = new(Padding, paddingBytes);

    private readonly KeyTurns _keys = new("r", slots: 6, operationsPerKey: 200);

    // The value of each key that any worker saw last: a cas that expects it has a fair chance to hold.
    private readonly ConcurrentDictionary<string, string?> _seen = new();

    public string Name => name;

    public IReadOnlyDictionary<string, long> Parameters { get; } = new Dictionary<string, long>();

    public Task PrepareAsync(IKvClient client) => Task.CompletedTask;

    public Task StepAsync(Worker worker)
    {
        var key = _keys.Next(worker.Random);
        return worker.Random.Next(100) switch
        {
            < 40 => GetAsync(worker, key),
            < 70 => PutAsync(worker, key),
            < 78 => DeleteAsync(worker, key),
            < 95 => CompareAndSetAsync(worker, key),
            _ => CompareAndDeleteAsync(worker, key),
        };
    }

    public async Task ReadBackAsync(Worker worker, CancellationToken cancel)
    {
        foreach (var key in _keys.All)
        {
            await ReadBack.UntilAnsweredAsync(() => GetAsync(worker, key), cancel);
        }
    }

    private Task<Answer> GetAsync(Worker worker, string key) =>
        worker.DoAsync(new Call(Functions.Get) { Key = key, IsRead = true }, async () =>
        {
            var read = await worker.Client.TextKeyspace().GetAsync(key);
            var value = Told(read.ValueOrDefault);
            _seen[key] = value;
            return Answer.Ok(HistoryValue.Text(value), read.Version);
        });

    private Task PutAsync(Worker worker, string key)
    {
        var value = worker.UniqueValue();
        return worker.DoAsync(new Call(Functions.Put) { Key = key, Value = HistoryValue.Text(value) }, async () =>
        {
            var write = await worker.Client.TextKeyspace().PutAsync(key, value + _padding);
            _seen[key] = value;
            return Answer.Ok(revision: write.Version);
        });
    }

    private Task DeleteAsync(Worker worker, string key) =>
        worker.DoAsync(new Call(Functions.Delete) { Key = key }, async () =>
        {
            var write = await worker.Client.TextKeyspace().DeleteAsync(key);
            _seen[key] = null;
            return Answer.Ok(revision: write.Version);
        });

    private Task CompareAndSetAsync(Worker worker, string key)
    {
        var (expected, value) = (_seen.GetValueOrDefault(key), worker.UniqueValue());
        return worker.DoAsync(new Call(Functions.CompareAndSet) { Key = key, Expected = HistoryValue.Text(expected), Value = HistoryValue.Text(value) }, async () =>
        {
            var write = await worker.Client.TextKeyspace().PutIfExpectedAsync(key, value + _padding, Is(expected));
            _seen[key] = write.Applied ? value : Told(write.Current?.Value);
            return write.Applied ? Answer.Ok(revision: write.Version) : Answer.Fail(ErrorCodes.CompareMismatch);
        });
    }

    private Task CompareAndDeleteAsync(Worker worker, string key)
    {
        var expected = _seen.GetValueOrDefault(key);
        return worker.DoAsync(new Call(Functions.CompareAndSet) { Key = key, Expected = HistoryValue.Text(expected), Value = HistoryValue.Null }, async () =>
        {
            var write = await worker.Client.TextKeyspace().DeleteAsync(key, new KvWriteOptions { Condition = Is(expected) });
            _seen[key] = write.Applied ? null : Told(write.Current?.Value);
            return write.Applied ? Answer.Ok(revision: write.Version) : Answer.Fail(ErrorCodes.CompareMismatch);
        });
    }

    private static string? Told(string? value) => value?.TrimEnd(Padding);

    private KvCondition Is(string? value) => value is null ? KvCondition.Absent : KvCondition.ValueIs(Encoding.UTF8.GetBytes(value + _padding));
}
