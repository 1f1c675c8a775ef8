using KvRaft.Eventual.Replicas;

namespace KvRaft.Eventual.Tests.Replicas;

public sealed class DurabilityTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    // If a write finds its own state already stored, it must not count before that state is durable.
    [Fact]
    public async Task A_write_that_changes_nothing_waits_until_the_existing_record_is_synced()
    {
        await using var replica = Some.Open(_directory.Path);
        var state = (await replica.WriteAsync(Some.Key("k"), Some.Put("v"), durable: false)).State;
        Assert.Equal(0, replica.SyncCount);

        await replica.WriteAsync(Some.Key("k"), new TakeState(state, null), durable: true);
        Assert.Equal(1, replica.SyncCount);
        await replica.SyncAsync(CancellationToken.None);

        Assert.Equal(1, replica.SyncCount);
    }
}
