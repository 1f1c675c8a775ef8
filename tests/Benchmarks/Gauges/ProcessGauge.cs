using System.Globalization;

namespace KvRaft.Benchmarks.Gauges;

/// <summary>The Linux statistics of a process. The values are of the process itself, without its children.</summary>
internal sealed class ProcessGauge(int id)
{
    /// <summary>USER_HZ: the unit of CPU time in /proc, on every current Linux.</summary>
    internal const double TicksPerSecond = 100;

    private const int BytesPerKiB = 1024;

    /// <summary>User and system time so far; in steps of 10 ms.</summary>
    public TimeSpan Cpu => CpuOf(File.ReadAllText($"/proc/{id}/stat"));

    /// <summary>The peak of its memory since <see cref="ForgetPeak"/>, bytes.</summary>
    public long PeakMemoryBytes => KiBOf(File.ReadAllText($"/proc/{id}/status"), "VmHWM:") * BytesPerKiB;

    /// <summary>Its current memory, bytes: resident, including mapped files.</summary>
    public long MemoryBytes => KiBOf(File.ReadAllText($"/proc/{id}/status"), "VmRSS:") * BytesPerKiB;

    /// <summary>Resets the peak to the current memory.</summary>
    public void ForgetPeak() => File.WriteAllText($"/proc/{id}/clear_refs", "5");

    /// <summary>Fields 14 and 15 of proc(5)'s stat; the name before them is in parentheses and may contain any character.</summary>
    internal static TimeSpan CpuOf(string stat)
    {
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return TimeSpan.FromSeconds((Number(fields[11]) + Number(fields[12])) / TicksPerSecond);
    }

    internal static long KiBOf(string status, string name) =>
        Number(status.Split('\n').First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..].Replace("kB", "", StringComparison.Ordinal));

    private static long Number(string text) => long.Parse(text, NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
}
