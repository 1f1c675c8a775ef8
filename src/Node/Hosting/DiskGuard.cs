using KvRaft.Node.Options;
using KvRaft.Node.Telemetry;

namespace KvRaft.Node.Hosting;

/// <summary>
/// Watches the free space of the data disk. Below the reserve, writes that need room are refused (<c>DISK_FULL</c>), while deletes
/// and everything that frees space are still taken; the alarm clears itself with a margin, so that it does not flap.
/// <see cref="RefusesGrowth"/> may be read from any thread; <see cref="Check"/> runs on one timer.
/// </summary>
internal sealed class DiskGuard(
    NodeOptions options, Func<string, long> freeBytes, NodeFailure failure, TimeProvider time, ILogger<DiskGuard> logger)
    : BackgroundService
{
    /// <summary>Cleared at an eighth above the reserve: compaction alone moves free space by some tens of megabytes.</summary>
    private const int ClearMarginShift = 3;

    /// <summary>What opening an engine writes: a new manifest and options file, and the first flush of what is replayed.</summary>
    private const long ReopenBytesMin = 4L << 20;

    private readonly long _reserve = options.Limits.DiskReserveBytes;
    private volatile bool _refusesGrowth;

    /// <summary>True while writes that need room are refused.</summary>
    public bool RefusesGrowth => _refusesGrowth;

    /// <summary>Free bytes at the last look.</summary>
    public long FreeBytes => Interlocked.Read(ref _freeBytes);

    public long ReserveBytes => _reserve;

    /// <summary>A replica that stopped for want of room may be opened again. Looks now: the last look may be as old as the interval.</summary>
    public bool HasRoom
    {
        get
        {
            Check();
            return !_refusesGrowth && FreeBytes >= ReopenBytesMin;
        }
    }

    private long _freeBytes = long.MaxValue;

    /// <summary>The bytes an unprivileged process may still write on the disk that holds <paramref name="directory"/> (statvfs).</summary>
    public static long FreeBytesOf(string directory) => new DriveInfo(Path.GetFullPath(directory)).AvailableFreeSpace;

    /// <summary>Looks once.</summary>
    public void Check()
    {
        var free = freeBytes(options.DataDirectory);
        Interlocked.Exchange(ref _freeBytes, free);
        if (!_refusesGrowth && free < _reserve)
        {
            _refusesGrowth = true;
            logger.DiskNearlyFull(options.NodeId, free, _reserve);
        }
        else if (_refusesGrowth && free >= _reserve + (_reserve >> ClearMarginShift))
        {
            _refusesGrowth = false;
            logger.DiskHasRoom(options.NodeId, free, _reserve);
        }
    }

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        Check();
        return base.StartAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => failure.GuardAsync(WatchAsync, stoppingToken);

    private async Task WatchAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Timings.DiskCheckInterval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken).ConfigureAwait(false))
        {
            Check();
        }
    }
}
