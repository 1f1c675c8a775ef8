namespace KvRaft.Chaos.Checkers;

/// <summary>Shortest cycles, named after the kinds of their dependencies (Adya 1999; the names with real time are those of Elle).</summary>
internal sealed class CycleSearch(DependencyGraph graph)
{
    /// <summary>
    /// The number of dependencies of one component from which a cycle is searched. A faulty store can put all transactions into one component; any
    /// cycle proves the violation, and the shortest of a thousand is short enough to read.
    /// </summary>
    private const int StartsMax = 1_000;

    private const DependencyKinds Writes = DependencyKinds.WriteWrite;
    private const DependencyKinds Reads = Writes | DependencyKinds.WriteRead;
    private const DependencyKinds All = Reads | DependencyKinds.ReadWrite;

    // Strongest first: (kinds of the component, kind of one dependency on the cycle, kinds of the others).
    private static readonly (string Name, DependencyKinds First, DependencyKinds Others)[] Levels =
    [
        ("G0", DependencyKinds.WriteWrite, Writes),
        ("G1c", DependencyKinds.WriteRead, Reads),
        ("G-single", DependencyKinds.ReadWrite, Reads),
        ("G2", DependencyKinds.ReadWrite, All),
        ("G0-realtime", DependencyKinds.WriteWrite, Writes | DependencyKinds.RealTime),
        ("G1c-realtime", DependencyKinds.WriteRead, Reads | DependencyKinds.RealTime),
        ("G-single-realtime", DependencyKinds.ReadWrite, Reads | DependencyKinds.RealTime),
        ("G2-realtime", DependencyKinds.ReadWrite, All | DependencyKinds.RealTime),
    ];

    private readonly int[] _componentOf = new int[graph.Transactions.Count];
    private readonly Dependency?[] _cameBy = new Dependency?[graph.Transactions.Count];
    private readonly int[] _reachedIn = new int[graph.Transactions.Count];
    private readonly Queue<(int Id, int Depth)> _queue = new();
    private int _search;

    /// <summary>The shortest cycle of every level and component that has one of exactly that name.</summary>
    public IEnumerable<(string Name, IReadOnlyList<Dependency> Cycle)> Find()
    {
        foreach (var (name, first, rest) in Levels)
        {
            var components = StrongComponents.Find(graph, first | rest);
            Array.Fill(_componentOf, -1);
            for (var number = 0; number < components.Count; number++)
            {
                components[number].ForEach(id => _componentOf[id] = number);
            }

            foreach (var component in components)
            {
                if (Shortest(component, name, first, rest) is { } cycle)
                {
                    yield return (name, cycle);
                }
            }
        }
    }

    private List<Dependency>? Shortest(List<int> component, string name, DependencyKinds first, DependencyKinds rest)
    {
        List<Dependency>? best = null;
        foreach (var start in Starts(component, first).Take(StartsMax))
        {
            var lengthMax = best is null ? int.MaxValue : best.Count - 1;
            if (WayBack(start, rest, lengthMax - 1) is { } way && NameOf([start, .. way]) == name)
            {
                best = [start, .. way];
            }

            if (best?.Count == 2)
            {
                break;
            }
        }

        return best;
    }

    private IEnumerable<Dependency> Starts(List<int> component, DependencyKinds first) => component
        .SelectMany(graph.From)
        .Where(dependency => dependency.Kind == first && _componentOf[dependency.From] == _componentOf[dependency.To]);

    /// <summary>The shortest path from the end of <paramref name="start"/> to its beginning: breadth-first, within the component.</summary>
    private List<Dependency>? WayBack(Dependency start, DependencyKinds kinds, int lengthMax)
    {
        _search++;
        _queue.Clear();
        _queue.Enqueue((start.To, 0));
        _reachedIn[start.To] = _search;
        while (_queue.TryDequeue(out var at) && at.Depth < lengthMax)
        {
            foreach (var dependency in graph.From(at.Id))
            {
                if ((dependency.Kind & kinds) == 0
                    || _componentOf[dependency.To] != _componentOf[start.From]
                    || _reachedIn[dependency.To] == _search)
                {
                    continue;
                }

                _cameBy[dependency.To] = dependency;
                _reachedIn[dependency.To] = _search;
                if (dependency.To == start.From)
                {
                    return Trace(start);
                }

                _queue.Enqueue((dependency.To, at.Depth + 1));
            }
        }

        return null;
    }

    private List<Dependency> Trace(Dependency start)
    {
        var way = new List<Dependency>();
        for (var id = start.From; id != start.To; id = way[^1].From)
        {
            way.Add(_cameBy[id]!.Value);
        }

        way.Reverse();
        return way;
    }

    private static string NameOf(IReadOnlyCollection<Dependency> cycle)
    {
        var readWrites = cycle.Count(dependency => dependency.Kind == DependencyKinds.ReadWrite);
        var name = readWrites switch
        {
            0 when cycle.Any(dependency => dependency.Kind == DependencyKinds.WriteRead) => "G1c",
            0 => "G0",
            1 => "G-single",
            _ => "G2",
        };
        return cycle.Any(dependency => dependency.Kind == DependencyKinds.RealTime) ? name + "-realtime" : name;
    }
}
