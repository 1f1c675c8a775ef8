using System.Globalization;

namespace KvRaft.Benchmarks.Gauges;

/// <summary>CPU time of the whole machine so far, over all cores.</summary>
/// <param name="Busy">Time with work, including interrupts and kernel threads.</param>
/// <param name="Stolen">Time that this machine requested and that the hypervisor gave to another.</param>
internal readonly record struct MachineCpu(TimeSpan Busy, TimeSpan Stolen)
{
    public static MachineCpu Now() => Of(File.ReadAllText("/proc/stat"));

    /// <summary>The first line of proc(5)'s stat: user nice system idle iowait irq softirq steal, in ticks.</summary>
    internal static MachineCpu Of(string stat)
    {
        var ticks = stat[..stat.IndexOf('\n', StringComparison.Ordinal)]
            .Split(' ', StringSplitOptions.RemoveEmptyEntries).Skip(1)
            .Select(static field => long.Parse(field, CultureInfo.InvariantCulture)).ToArray();
        return new MachineCpu(Time(ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6]), Time(ticks[7]));
    }

    public static MachineCpu operator -(MachineCpu later, MachineCpu earlier) => new(later.Busy - earlier.Busy, later.Stolen - earlier.Stolen);

    private static TimeSpan Time(long ticks) => TimeSpan.FromSeconds(ticks / ProcessGauge.TicksPerSecond);
}
