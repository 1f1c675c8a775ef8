using System.Runtime;
using System.Runtime.InteropServices;
using KvRaft.Node.Lifecycle;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Options;
using KvRaft.Storage.Engine;

namespace KvRaft.Node.Requests;

/// <summary>
/// Gives memory back that a node without work still holds. The garbage collector returns what it freed only when it collects, which it does for want of memory; the C library keeps
/// what RocksDB freed in arenas of its threads, and RocksDB keeps blocks of files that are gone. A while after the last request all are asked, a few times, because what ends late
/// (a reader that stalled, a compaction) frees its memory after the first; and again only after there was work.
/// </summary>
internal sealed partial class IdleMemory(IEngineFactory engines, RaftHost raft, Admission admission, NodeFailure failure, TimeProvider time) : BackgroundService
{
    /// <summary>Longer than <see cref="RaftHostOptions.RestAfter"/>, so that replicas have let go of their write buffers.</summary>
    private static readonly TimeSpan IdleAfter = TimeSpan.FromSeconds(30);

    /// <summary>How often memory is given back in one time without work, <see cref="TrimPace"/> apart.</summary>
    private const int TrimsMax = 3;

    private static readonly TimeSpan TrimPace = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan Pace = TimeSpan.FromSeconds(5);

    /// <summary>Bytes a node may write to its log while it counts as idle: elections and ticks, no requests.</summary>
    private const long QuietBytes = 64 << 10;

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(WatchAsync, stoppingToken);

    private async Task WatchAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Pace, time);
        var (seen, since, trims) = (raft.LogStatistics.Bytes, time.GetTimestamp(), 0);
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            var written = raft.LogStatistics.Bytes;
            if (written - seen > QuietBytes || admission.Requests > 0)
            {
                (seen, since, trims) = (written, time.GetTimestamp(), 0);
            }
            else if (trims < TrimsMax && time.GetElapsedTime(since) >= IdleAfter + (trims * TrimPace))
            {
                trims++;
                Trim(engines);
            }
        }
    }

    private static void Trim(IEngineFactory engines)
    {
        engines.TrimCache();
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
