#if PLANTED_BUGS
namespace KvRaft.Storage;

/// <summary>
/// Intentional faults, to show that the chaos harness finds them. An ordinary build does not contain them: they need
/// <c>-p:PlantedBugs=true</c>, and then the name of one fault in the environment. <c>chaos/Harness/Planted</c> lists them.
/// </summary>
public static class PlantedBug
{
    private static readonly string? Active = Environment.GetEnvironmentVariable("KVRAFT_PLANTED_BUG");

    static PlantedBug() => Console.Error.WriteLine($"kvraft: THIS BUILD HAS PLANTED BUGS; active: {Active ?? "none"}");

    public static bool Is(string name) => Active == name;

    /// <summary>The wall clock of this process is more than ten minutes behind its earlier value.</summary>
    public static bool IsBehindItsPast()
    {
        var now = DateTime.UtcNow.Ticks;
        var highest = Math.Max(now, Interlocked.Read(ref _highest));
        Interlocked.Exchange(ref _highest, highest);
        return now < highest - (10 * TimeSpan.TicksPerMinute);
    }

    private static long _highest;
}
#endif
