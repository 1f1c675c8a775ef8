using System.Runtime;
using System.Runtime.InteropServices;
using KvRaft.Node.Options;
using KvRaft.Node.Services;
using KvRaft.Raft;

namespace KvRaft.Node.Hosting;

/// <summary>
/// Gives memory back that a node without work still holds. The garbage collector returns what it freed only when it collects, which it does for want of memory; the C library keeps
/// what RocksDB freed in arenas of its threads. A while after the last request both are asked once, and again only after there was work.
/// </summary>
internal sealed partial class IdleMemory(RaftHost raft, Admission admission, NodeFailure failure, TimeProvider time) : BackgroundService
{
    /// <summary>Longer than <see cref="RaftHostOptions.RestAfter"/>, so that replicas have let go of their write buffers.</summary>
    private static readonly TimeSpan IdleAfter = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Pace = TimeSpan.FromSeconds(5);

    /// <summary>Bytes a node may write to its log while it counts as idle: elections and ticks, no requests.</summary>
    private const long QuietBytes = 64 << 10;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(WatchAsync, stoppingToken);

    private async Task WatchAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Pace, time);
        var (seen, since, isTrimmed) = (raft.LogStatistics.Bytes, time.GetTimestamp(), false);
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            var written = raft.LogStatistics.Bytes;
            if (written - seen > QuietBytes || admission.Requests > 0)
            {
                (seen, since, isTrimmed) = (written, time.GetTimestamp(), false);
            }
            else if (!isTrimmed && time.GetElapsedTime(since) >= IdleAfter)
            {
                isTrimmed = true;
                Trim();
            }
        }
    }

    private static void Trim()
    {
        GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        if (OperatingSystem.IsLinux())
        {
            try
            {
                _ = MallocTrim(0);
            }
            catch (EntryPointNotFoundException)
            {
                // Not glibc: musl returns what it can by itself.
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint pad);
}
