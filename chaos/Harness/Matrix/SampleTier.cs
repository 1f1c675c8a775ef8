using KvRaft.Chaos.Faults;

namespace KvRaft.Chaos.Matrix;

/// <summary>
/// Sixty cells drawn from the whole matrix, which cover most of it in less than a night: every fault and every workload appears, on three nodes, on five with
/// three replicas, and on five with five voters. The seed draws the cells and is the base of their seeds, so that another seed covers other cells.
/// </summary>
internal static class SampleTier
{
    public const string Name = "sample";

    private const int CellsMin = 60;

    /// <summary>The time limit of all cells together, on a busy machine too.</summary>
    public static readonly TimeSpan Total = TimeSpan.FromHours(2.5);

    /// <summary>The time of a run beside the injection of faults: it starts, heals, reads everything back, stops and is judged. Usually 25 to 45 s.</summary>
    private static readonly TimeSpan Beside = TimeSpan.FromSeconds(75);

    /// <summary>With the time beside the faults, 60 cells take an hour on two cores that are otherwise idle.</summary>
    private static readonly TimeSpan DurationMax = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan DurationMin = TimeSpan.FromSeconds(15);

    private static readonly (int Nodes, int Replicas)[] Shapes = [(3, 3), (5, 3), (5, 5)];

    /// <summary>The cells of a seed, in the order in which they are run.</summary>
    public static IReadOnlyList<Cell> Draw(int seed)
    {
        var random = new Random(seed);
        var faults = Faults(random);
        var workloads = Workloads(random, faults.Count);
        PartAlike(faults, workloads);
        Suit(faults, workloads);
        var used = new Dictionary<(int, int), int>();
        return [.. faults.Select((fault, place) =>
        {
            var scenario = new Scenario(fault, workloads[place]);
            var (nodes, replicas) = ShapeOf(scenario, used, random);
            return new Cell(scenario, nodes, replicas) { SeedOffset = place };
        })];
    }

    /// <summary>How long the next cell injects faults, so that all of them fit; null: there is no time for it.</summary>
    public static TimeSpan? DurationOf(TimeSpan left, int cellsLeft)
    {
        if (left < DurationMin + Beside)
        {
            return null;
        }

        var share = (left / cellsLeft) - Beside;
        return share > DurationMax ? DurationMax : share < DurationMin ? DurationMin : share;
    }

    /// <summary>Every fault once, then some a second time, but none that has an effect with one workload only.</summary>
    private static List<string> Faults(Random random)
    {
        var all = ScenarioMatrix.Faults.ToArray();
        random.Shuffle(all);
        var again = ScenarioMatrix.Faults.Where(static fault => FaultCatalog.Find(fault)?.Workload is null).ToArray();
        random.Shuffle(again);
        return [.. all, .. again[..Math.Max(0, CellsMin - all.Length)]];
    }

    /// <summary>All equally often, or once more.</summary>
    private static string[] Workloads(Random random, int count)
    {
        var workloads = Enumerable.Range(0, count).Select(static place => ScenarioMatrix.Workloads[place % ScenarioMatrix.Workloads.Count]).ToArray();
        random.Shuffle(workloads);
        return workloads;
    }

    /// <summary>No cell twice: the second of two equal cells swaps its workload with the next cell if that creates no other equal pair.</summary>
    private static void PartAlike(List<string> faults, string[] workloads)
    {
        for (var place = 0; place < faults.Count; place++)
        {
            for (var other = 0; IsTwice(place) && other < faults.Count; other++)
            {
                Swap(place, other);
                if (IsTwice(place) || IsTwice(other))
                {
                    Swap(place, other);
                }
            }
        }

        bool IsTwice(int place) => Enumerable.Range(0, faults.Count).Any(other => other != place && faults[other] == faults[place] && workloads[other] == workloads[place]);

        void Swap(int one, int other) => (workloads[one], workloads[other]) = (workloads[other], workloads[one]);
    }

    /// <summary>A fault that has an effect with one workload only gets it from another cell.</summary>
    private static void Suit(List<string> faults, string[] workloads)
    {
        for (var place = 0; place < faults.Count; place++)
        {
            if (!ScenarioMatrix.Suits(faults[place], workloads[place]))
            {
                var (only, given) = (FaultCatalog.Find(faults[place])!.Workload!, workloads[place]);
                var other = Enumerable.Range(0, faults.Count).First(other => workloads[other] == only && FaultCatalog.Find(faults[other])?.Workload is null
                    && !Enumerable.Range(0, faults.Count).Any(cell => faults[cell] == faults[other] && workloads[cell] == given));
                (workloads[place], workloads[other]) = (only, given);
            }
        }
    }

    /// <summary>Of the shapes that suit the fault, the one that was drawn least often.</summary>
    private static (int Nodes, int Replicas) ShapeOf(Scenario scenario, Dictionary<(int, int), int> used, Random random)
    {
        var kinds = scenario.Kinds.Count == 1 ? scenario.Kinds : [];
        var shapes = Shapes.Where(shape => kinds.All(kind => kind.NodesMin <= shape.Nodes && kind.ReplicasMin <= shape.Replicas && !(kind.NeedsSpareNodes && shape.Replicas == shape.Nodes))).ToArray();
        random.Shuffle(shapes);
        var chosen = shapes.MinBy(shape => used.GetValueOrDefault(shape));
        used[chosen] = used.GetValueOrDefault(chosen) + 1;
        return chosen;
    }
}
