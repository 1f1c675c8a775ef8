using System.Collections.Immutable;
using System.Runtime;
using System.Runtime.InteropServices;
using KvRaft.Node.Lifecycle;
using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Raft.Groups;
using KvRaft.Raft.Options;
using KvRaft.Storage.Engine;

namespace KvRaft.Node.Requests;

/// <summary>
/// Gives memory back that a node without work still holds. The garbage collector returns what it freed only when it collects, which it does for want of memory; the C library keeps
/// what RocksDB freed in arenas of its threads, and RocksDB keeps blocks of files that are gone. All three are asked a few times after the last request, because what ends late
/// (a reader that stalled, a compaction) frees its memory later; and again only after there was work.
/// <para>Work is a request that ended or entries in the log, not a request that waits: a client that reads nothing may keep one open for as long as its deadline allows.</para>
/// </summary>
internal sealed partial class IdleMemory(
    NodeOptions options, IEngineFactory engines, RaftHost raft, Admission admission, NodeFailure failure, TimeProvider time, ILogger<IdleMemory> logger) : BackgroundService
{
    private static readonly TimeSpan Pace = TimeSpan.FromSeconds(5);

    /// <summary>Bytes a node may write to its log in one <see cref="Pace"/> and counts as idle: elections and ticks, no requests.</summary>
    private const long QuietBytes = 64 << 10;

    /// <summary>
    /// When memory is given back, counted from the last work. The first is soon, because most is free at once; the second follows
    /// <see cref="RaftHostOptions.RestAfter"/>, when replicas have let go of their write buffers; the last one follows the minute for which .NET's array pools keep what is not rented.
    /// </summary>
    private static readonly ImmutableArray<TimeSpan> TrimsAfter = [.. new[] { 10, 30, 45, 120 }.Select(static seconds => TimeSpan.FromSeconds(seconds))];

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(WatchAsync, stoppingToken);

    private async Task WatchAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Pace, time);
        var (written, answered, since, trims) = (raft.LogStatistics.Bytes, admission.Answered, time.GetTimestamp(), 0);
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            var (writtenNow, answeredNow) = (raft.LogStatistics.Bytes, admission.Answered);
            if (writtenNow - written > QuietBytes || answeredNow != answered)
            {
                (since, trims) = (time.GetTimestamp(), 0);
            }
            else if (trims < TrimsAfter.Length && time.GetElapsedTime(since) >= TrimsAfter[trims])
            {
                trims++;
                var before = Environment.WorkingSet;
                Trim(engines);
                logger.MemoryGivenBack(
                    options.NodeId, before >> 20, Environment.WorkingSet >> 20, GC.GetGCMemoryInfo().TotalCommittedBytes >> 20, engines.UnflushedBytes >> 20);
            }

            (written, answered) = (writtenNow, answeredNow);
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
