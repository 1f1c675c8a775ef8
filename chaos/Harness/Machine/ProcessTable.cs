using System.Globalization;

namespace KvRaft.Chaos.Machine;

/// <summary>The information of /proc about a process.</summary>
internal static class ProcessTable
{
    /// <summary>
    /// When the process started, in clock ticks since boot; null if there is none. Together with the pid it identifies one process for
    /// ever: pids are reused, and a harness must never end a foreign process.
    /// </summary>
    public static long? StartTicks(int pid) => Fields(pid) is { } fields ? long.Parse(fields[19], CultureInfo.InvariantCulture) : null;

    /// <summary>The state letter: R running, S sleeping, T stopped, Z ended and not waited for; null if there is no such process.</summary>
    public static char? State(int pid) => Fields(pid) is { } fields ? fields[0][0] : null;

    // The name of the program, in parentheses, may contain blanks; the text after the last parenthesis is regular.
    private static string[]? Fields(int pid)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{pid}/stat");
            return text[(text.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException or IOException)
        {
            return null;
        }
    }
}
