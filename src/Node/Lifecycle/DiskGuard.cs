using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Storage.Engine;

namespace KvRaft.Node.Lifecycle;

/// <summary>
/// Watches the room on the data disk, in two steps. Below the reserve, clients' writes that need room are refused (<c>DISK_FULL</c>), while deletes and everything that
/// frees space are still taken. Below a quarter of it the replicas of this node take no entries from leaders elsewhere either, which see them as unavailable; votes and
/// configurations are taken. Each alarm clears itself with a margin, so that it does not flap.
/// <para>
/// <b>Room</b> is what is free less what the engines hold in memory and have yet to write: a flush turns the one into the other, so that it cannot overtake the guard however
/// much was buffered. (A third of the storage budget at most, <see cref="RocksDbTuning.WriteBufferShareDivisor"/>: 170 MiB of the default 512.) What the reserve itself has
/// to cover is what can be written between two looks, a segment of the log and the copies that compaction makes before it deletes.
/// </para>
/// <see cref="RefusesGrowth"/> may be read from any thread; <see cref="Check"/> may be called from any.
/// </summary>
internal sealed class DiskGuard(
    NodeOptions options, Func<string, long> freeBytes, IEngineFactory engines, DiskLevel level, NodeFailure failure, TimeProvider time, ILogger<DiskGuard> logger)
    : BackgroundService
{
    /// <summary>What opening an engine writes: a new manifest and options file, and the first flush of what is replayed.</summary>
    private const long ReopenBytesMin = 4L << 20;

    /// <summary>Cleared at an eighth above the threshold: compaction alone moves free space by some tens of megabytes.</summary>
    private const int ClearMarginShift = 3;

    /// <summary>Replicas refuse entries below a quarter of the reserve: by then their own clients have been refused for long.</summary>
    private const int CriticalShift = 2;

    private readonly long _reserve = options.Limits.DiskReserveBytes;
    private readonly Lock _looking = new();
    private long _freeBytes = long.MaxValue;

    /// <summary>True while writes that need room are refused.</summary>
    public bool RefusesGrowth => level.RefusesGrowth;

    /// <summary>Room at the last look.</summary>
    public long FreeBytes => Interlocked.Read(ref _freeBytes);

    public long ReserveBytes => _reserve;

    /// <summary>A replica that stopped for want of room may be opened again. Looks now: the last look may be as old as the interval.</summary>
    public bool HasRoom
    {
        get
        {
            Check();
            return !level.IsCritical && FreeBytes >= ReopenBytesMin;
        }
    }

    /// <summary>The bytes an unprivileged process may still write on the disk that holds <paramref name="directory"/> (statvfs).</summary>
    public static long FreeBytesOf(string directory) => new DriveInfo(Path.GetFullPath(directory)).AvailableFreeSpace;

    /// <summary>What a store that had no room needs before it is opened again, as <see cref="HasRoom"/>, for one that is open before this guard is.</summary>
    public static bool MayReopen(string directory, IEngineFactory engines, DiskLevel level) =>
        !level.IsCritical && FreeBytesOf(directory) - engines.UnflushedBytes >= ReopenBytesMin;

    /// <summary>Looks once.</summary>
    public void Check()
    {
        lock (_looking)
        {
            var room = freeBytes(options.DataDirectory) - engines.UnflushedBytes;
            Interlocked.Exchange(ref _freeBytes, room);
            if (IsBelow(room, _reserve, level.RefusesGrowth) is var refuses && refuses != level.RefusesGrowth)
            {
                level.RefusesGrowth = refuses;
                if (refuses)
                {
                    logger.DiskNearlyFull(options.NodeId, room, _reserve);
                }
                else
                {
                    logger.DiskHasRoom(options.NodeId, room, _reserve);
                }
            }

            var critical = _reserve >> CriticalShift;
            if (IsBelow(room, critical, level.IsCritical) is var isCritical && isCritical != level.IsCritical)
            {
                level.IsCritical = isCritical;
                if (isCritical)
                {
                    logger.DiskCritical(options.NodeId, room, critical);
                }
                else
                {
                    logger.DiskNoLongerCritical(options.NodeId, room, critical);
                }
            }
        }
    }

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        Check();
        return base.StartAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(WatchAsync, stoppingToken);

    /// <summary>Pure: with a margin in the direction that ends the alarm. A threshold of 0 never alarms.</summary>
    internal static bool IsBelow(long room, long threshold, bool wasBelow) =>
        threshold > 0 && room < threshold + (wasBelow ? threshold >> ClearMarginShift : 0);

    private async Task WatchAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Timings.DiskCheckInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            Check();
        }
    }
}
