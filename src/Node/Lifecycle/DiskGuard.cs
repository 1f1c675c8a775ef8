using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;
using KvRaft.Storage.Engine;

namespace KvRaft.Node.Lifecycle;

/// <summary>
/// Watches the space on the data disk, with two thresholds. Below the reserve, clients' writes that need space are refused (<c>DISK_FULL</c>), while deletes and all calls that
/// free space are still accepted. Below a quarter of it the replicas of this node accept no entries from leaders elsewhere either, which see them as unavailable; votes and
/// configurations are accepted. Each alarm clears itself with a margin, so that it does not flap.
/// <para>
/// <b>Room</b> is the free space less the bytes that the engines hold in memory and have yet to write: a flush turns the one into the other, so that a flush cannot exhaust the disk unnoticed, however
/// much was buffered. (A third of the storage budget at most, <see cref="RocksDbTuning.WriteBufferShareDivisor"/>: 170 MiB of the default 512.) The reserve itself has
/// to cover the bytes that can be written between two checks, a segment of the log, and the copies that compaction makes before it deletes.
/// </para>
/// <see cref="RefusesGrowth"/> may be read from any thread; <see cref="Check"/> may be called from any.
/// </summary>
internal sealed class DiskGuard(
    NodeOptions options, Func<string, long> freeBytes, IEngineFactory engines, DiskLevel level, NodeFailure failure, TimeProvider time, ILogger<DiskGuard> logger)
    : BackgroundService
{
    /// <summary>The bytes that the opening of an engine writes: a new manifest and options file, and the first flush of replayed entries.</summary>
    private const long ReopenBytesMin = 4L << 20;

    /// <summary>Cleared at an eighth above the threshold: compaction alone moves free space by some tens of megabytes.</summary>
    private const int ClearMarginShift = 3;

    /// <summary>Replicas refuse entries below a quarter of the reserve: at that point their own clients have been refused for long.</summary>
    private const int CriticalShift = 2;

    private readonly long _reserve = options.Limits.DiskReserveBytes;
    private readonly Lock _looking = new();
    private long _freeBytes = long.MaxValue;

    /// <summary>True while writes that need space are refused.</summary>
    public bool RefusesGrowth => level.RefusesGrowth;

    /// <summary>Room at the last check.</summary>
    public long FreeBytes => Interlocked.Read(ref _freeBytes);

    public long ReserveBytes => _reserve;

    /// <summary>A replica that stopped for lack of space may be opened again. Checks now: the last check may be as old as the interval.</summary>
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

    /// <summary>The space that a store without room needs before it is opened again, as <see cref="HasRoom"/>, for a store that is opened before this guard.</summary>
    public static bool MayReopen(string directory, IEngineFactory engines, DiskLevel level) =>
        !level.IsCritical && FreeBytesOf(directory) - engines.UnflushedBytes >= ReopenBytesMin;

    /// <summary>Checks once.</summary>
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
