using KvRaft.Eventual.Replicas;

namespace KvRaft.Eventual.Tests.Clusters;

/// <summary>Memory without a limit, and how much of it is reserved.</summary>
internal sealed class UnboundedRoom : IStateRoom
{
    private long _bytes;

    public int Guess => 1024;

    public long Bytes => Volatile.Read(ref _bytes);

    public bool IsDisposed { get; private set; }

    public ValueTask TakeAsync(long bytes, CancellationToken cancellationToken)
    {
        Interlocked.Add(ref _bytes, bytes);
        return ValueTask.CompletedTask;
    }

    public void Give(long bytes) => Interlocked.Add(ref _bytes, -bytes);

    public void Dispose() => IsDisposed = true;
}
