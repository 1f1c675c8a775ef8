using KvRaft.Chaos.Faults;
using KvRaft.Chaos.Workloads;

namespace KvRaft.Chaos.Matrix;

/// <summary>The existing cells, and which of them a tier runs.</summary>
internal static class ScenarioMatrix
{
    public static IReadOnlyList<string> Faults { get; } = [FaultCatalog.NoFault, .. FaultCatalog.All.Select(kind => kind.Name), FaultCatalog.Mixed];

    public static IReadOnlyList<string> Workloads { get; } = [.. WorkloadCatalog.All.Keys];

    public static IReadOnlyList<Scenario> All { get; } = [.. from fault in Faults from workload in Workloads where Suits(fault, workload) select new Scenario(fault, workload)];

    /// <summary>Whether the fault has an effect with the workload.</summary>
    public static bool Suits(string fault, string workload) => FaultCatalog.Find(fault)?.Workload is not { } only || only == workload;

    public const string PullRequestTier = "pr";

    /// <summary>
    /// The bugs that the judges must convict in the same run: an acknowledged write lost by a power loss, a write applied twice, a condition that is ignored.
    /// One or two runs each, of
    /// half a minute.
    /// </summary>
    public const string PullRequestBugs = "ack-before-fsync,retry-applied-twice,cas-not-compared";

    /// <summary>
    /// Every way to lose a leader, every workload: the tests that a change must pass before review. On three nodes, so that it takes less than twelve
    /// minutes, except for the cell
    /// about five voters.
    /// </summary>
    public static IReadOnlyList<Scenario> PullRequest { get; } =
    [
        new(FaultCatalog.KillLeader, "register"),
        new("partition-leader", "append"),
        new("power-all", "set"),
        new("partition-halves", "bank"),
        new("kill-loop", "counter"),
        new("late-follower", "large"),
        new("partition-flapping", "ttl"),
        new("partition-halves", "siblings"),
        new("pause-leader", "session"),
        new("wipe", "converge"),
        new("clock-handover", "lock"),
    ];

    /// <summary>The cells of a tier; null: there is no such tier.</summary>
    /// <param name="name">The tier.</param>
    /// <param name="seed">Draws the cells of a sample.</param>
    public static IReadOnlyList<Cell>? Tier(string name, int seed) => name switch
    {
        PullRequestTier => [.. PullRequest.Select(static scenario => new Cell(scenario))],
        "nightly" => [.. All.Select(static scenario => new Cell(scenario))],
        SampleTier.Name => SampleTier.Draw(seed),
        _ => null,
    };

    /// <summary>Cells separated by commas, in that order.</summary>
    /// <exception cref="ArgumentException">One of them does not exist, or is named twice.</exception>
    public static IReadOnlyList<Scenario> ParseList(string text)
    {
        var cells = text.Split(',', StringSplitOptions.TrimEntries).Select(Parse).ToArray();
        return cells.CountBy(static cell => cell).FirstOrDefault(static pair => pair.Value > 1) is { Key: { } twice }
            ? throw new ArgumentException($"{twice} is named twice. --runs N runs each cell N times.")
            : cells;
    }

    /// <exception cref="ArgumentException">There is no such cell; the message lists the existing names.</exception>
    public static Scenario Parse(string text)
    {
        var parts = text.Split('/');
        if (parts is [var name, var other] && !Suits(name, other))
        {
            throw new ArgumentException($"'{text}': {name} has an effect with the workload {FaultCatalog.Find(name)!.Workload} only.");
        }

        return parts is [var fault, var workload] && Faults.Contains(fault) && Workloads.Contains(workload)
            ? new Scenario(fault, workload)
            : throw new ArgumentException($"'{text}' is not FAULT/WORKLOAD. Faults: {string.Join(", ", Faults)}. Workloads: {string.Join(", ", Workloads)}.");
    }
}
