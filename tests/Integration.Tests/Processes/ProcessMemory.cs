using System.Globalization;

namespace KvRaft.Integration.Tests.Processes;

/// <summary>The memory of a process, as Linux reports it.</summary>
internal static class ProcessMemory
{
    /// <param name="process">Its id.</param>
    /// <param name="field">A field of <c>/proc/PID/status</c>, such as <c>VmRSS</c> (resident now) or <c>VmHWM</c> (resident at most).</param>
    public static long Bytes(int process, string field)
    {
        foreach (var line in File.ReadLines($"/proc/{process}/status"))
        {
            if (line.StartsWith(field, StringComparison.Ordinal) && line[field.Length] == ':')
            {
                return long.Parse(line.AsSpan(field.Length + 1).Trim().ToString().Split(' ')[0], CultureInfo.InvariantCulture) << 10;
            }
        }

        throw new InvalidOperationException($"process {process} has no {field}");
    }
}
