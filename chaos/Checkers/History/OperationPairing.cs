namespace KvRaft.Chaos.Checkers;

/// <summary>
/// Joins invocations with completions in one pass over the events, and checks the rules of the format: order, one operation at a time per process, no
/// further operation of a process after an info, members that fit the function.
/// </summary>
internal sealed class OperationPairing
{
    private readonly List<Operation?> _operations = [];
    private readonly Dictionary<int, (int Slot, HistoryEvent Invocation)> _running = [];
    private readonly HashSet<int> _retired = [];
    private long _lastIndex = -1;
    private long _lastTime;

    /// <exception cref="HistoryFormatException">The event does not fit those before it.</exception>
    public void Add(HistoryEvent next)
    {
        CheckOrder(next);
        if (next.IsNemesis)
        {
            return;
        }

        if (next.Type == EventType.Invoke)
        {
            Begin(next);
        }
        else
        {
            End(next);
        }
    }

    /// <summary>All operations in the order of their invocations; those without a completion are open.</summary>
    public IReadOnlyList<Operation> Finish()
    {
        foreach (var (slot, invocation) in _running.Values)
        {
            _operations[slot] = new Operation(invocation, null);
        }

        _running.Clear();
        return _operations.ConvertAll(operation => operation!);
    }

    private void CheckOrder(HistoryEvent next)
    {
        if (next.Index <= _lastIndex)
        {
            throw new HistoryFormatException(next.Line, "index", $"{next.Index} does not grow past {_lastIndex}");
        }

        if (next.TimeNanoseconds < _lastTime)
        {
            throw new HistoryFormatException(next.Line, "time", $"{next.TimeNanoseconds} goes back behind {_lastTime}");
        }

        _lastIndex = next.Index;
        _lastTime = next.TimeNanoseconds;
    }

    private void Begin(HistoryEvent next)
    {
        if (_retired.Contains(next.Process))
        {
            throw new HistoryFormatException(next.Line, "process", $"process {next.Process} was retired by an info");
        }

        if (!_running.TryAdd(next.Process, (_operations.Count, next)))
        {
            throw new HistoryFormatException(next.Line, "process", $"process {next.Process} has an operation running already");
        }

        EventRules.CheckInvocation(next);
        _operations.Add(null);
    }

    private void End(HistoryEvent next)
    {
        if (!_running.Remove(next.Process, out var running))
        {
            throw new HistoryFormatException(next.Line, "process", $"process {next.Process} has no operation running");
        }

        EventRules.CheckCompletion(running.Invocation, next);
        if (next.Type == EventType.Info)
        {
            _retired.Add(next.Process);
        }

        _operations[running.Slot] = new Operation(running.Invocation, next);
    }
}
