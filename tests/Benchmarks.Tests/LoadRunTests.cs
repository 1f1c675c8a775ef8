using System.Collections.Concurrent;
using System.Text;
using KvRaft.Benchmarks.Load;
using KvRaft.Benchmarks.Stores;

namespace KvRaft.Benchmarks.Tests;

public class LoadRunTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(2000)]
    public async Task Counts_what_was_answered_within_the_window_and_nothing_else(int arrivals)
    {
        var store = new MemoryStore();
        var data = new Dataset(keys: 100, valueBytesMax: 10, seed: 1);
        await Preload.RunAsync(store, data, 10, CancellationToken.None);
        var workload = Workload(OperationKind.Mix) with { ArrivalsPerSecond = arrivals };
        long atStart = 0, atEnd = 0;

        var result = await new LoadRun(store, workload, data).RunAsync(
            () => Task.FromResult(atStart = store.Answered), () => Task.FromResult(atEnd = store.Answered), CancellationToken.None);

        Assert.True(result.Operations > 0);

        // Each client may have had an answer in hand at either end.
        Assert.InRange(result.Operations, 1, atEnd - atStart + workload.Clients);
        Assert.Equal(0, result.Errors);
        Assert.True(result.Latency.P50 <= result.Latency.P99 && result.Latency.P99 <= result.Latency.Max);
    }

    [Fact]
    public async Task A_missing_acknowledged_key_ends_the_run()
    {
        var data = new Dataset(keys: 1, valueBytesMax: 10, seed: 1);

        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => new LoadRun(new MemoryStore(), Workload(OperationKind.Get), data)
            .RunAsync(static () => Task.CompletedTask, static () => Task.CompletedTask, CancellationToken.None));

        Assert.Contains("does not hold", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Preloading_writes_every_key()
    {
        var store = new MemoryStore();

        await Preload.RunAsync(store, new Dataset(keys: 1000, valueBytesMax: 10, seed: 1), 10, CancellationToken.None);

        Assert.Equal(1000, store.Answered);
        Assert.True(await store.GetAsync(0, "bench/000003e7"u8.ToArray()));
    }

    [Fact]
    public void A_name_contains_operation_size_and_clients_or_rate()
    {
        Assert.Equal("get 10 @4", Workload(OperationKind.Get).Name);
        Assert.Equal("put 10 @1500/s", (Workload(OperationKind.Put) with { ArrivalsPerSecond = 1500 }).Name);
    }

    private static Workload Workload(OperationKind kind) =>
        new(kind, Clients: 4, ValueBytes: 10, Keys: 100, WarmUp: TimeSpan.FromMilliseconds(10), Duration: TimeSpan.FromMilliseconds(200));

    private sealed class MemoryStore : IStore
    {
        private readonly ConcurrentDictionary<string, byte> _keys = new();
        private long _answered;

        public string Name => "memory";

        public long Answered => Interlocked.Read(ref _answered);

        public async ValueTask PutAsync(int client, ReadOnlyMemory<byte> key, ReadOnlyMemory<byte> value)
        {
            await Task.Yield();
            _keys[Encoding.ASCII.GetString(key.Span)] = 0;
            Interlocked.Increment(ref _answered);
        }

        public async ValueTask<bool> GetAsync(int client, ReadOnlyMemory<byte> key)
        {
            await Task.Yield();
            Interlocked.Increment(ref _answered);
            return _keys.ContainsKey(Encoding.ASCII.GetString(key.Span));
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
