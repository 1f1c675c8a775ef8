namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Strongly connected components of the dependencies of some kinds (Tarjan 1972), with an explicit stack: a chain of a hundred thousand transactions
/// must not overflow the stack.
/// </summary>
internal sealed class StrongComponents
{
    private const int Unvisited = -1;

    private readonly DependencyGraph _graph;
    private readonly DependencyKinds _kinds;
    private readonly int[] _order;
    private readonly int[] _low;
    private readonly bool[] _open;
    private readonly Stack<int> _path = new();
    private readonly Stack<(int Id, int Next)> _calls = new();
    private readonly List<List<int>> _found = [];
    private int _visited;

    private StrongComponents(DependencyGraph graph, DependencyKinds kinds)
    {
        _graph = graph;
        _kinds = kinds;
        _order = new int[graph.Transactions.Count];
        _low = new int[_order.Length];
        _open = new bool[_order.Length];
        Array.Fill(_order, Unvisited);
    }

    /// <summary>The components of two or more transactions, each sorted by id, in a defined order.</summary>
    public static IReadOnlyList<List<int>> Find(DependencyGraph graph, DependencyKinds kinds)
    {
        var components = new StrongComponents(graph, kinds);
        for (var id = 0; id < components._order.Length; id++)
        {
            if (components._order[id] == Unvisited)
            {
                components.Visit(id);
            }
        }

        components._found.Sort((one, other) => one[0].CompareTo(other[0]));
        return components._found;
    }

    private void Visit(int root)
    {
        Enter(root);
        while (_calls.TryPop(out var call))
        {
            var (id, next) = call;
            var outgoing = _graph.From(id);
            var entered = false;
            for (; next < outgoing.Count && !entered; next++)
            {
                var (_, to, kind, _, _) = outgoing[next];
                if ((kind & _kinds) == 0)
                {
                    continue;
                }

                if (_order[to] == Unvisited)
                {
                    // The dependency is examined again on return; by then the other end has its low mark.
                    _calls.Push((id, next));
                    Enter(to);
                    entered = true;
                }
                else if (_open[to])
                {
                    _low[id] = Math.Min(_low[id], _low[to]);
                }
            }

            if (!entered && _low[id] == _order[id])
            {
                Close(id);
            }
        }
    }

    private void Enter(int id)
    {
        _order[id] = _low[id] = _visited++;
        _open[id] = true;
        _path.Push(id);
        _calls.Push((id, 0));
    }

    private void Close(int root)
    {
        var component = new List<int>();
        int id;
        do
        {
            id = _path.Pop();
            _open[id] = false;
            component.Add(id);
        }
        while (id != root);

        if (component.Count > 1)
        {
            component.Sort();
            _found.Add(component);
        }
    }
}
