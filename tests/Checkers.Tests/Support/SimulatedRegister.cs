using KvRaft.Chaos.Checkers;

namespace KvRaft.Checkers.Tests.Support;

/// <summary>The fault of a simulated register.</summary>
internal enum RegisterFault
{
    None,
    StaleRead,
    LostWrite,
    DoubleApply,
    WrongCompare,
    FailedWriteApplied,
}

/// <summary>The parameters of a simulation.</summary>
internal sealed record RegisterPlan
{
    public int Clients { get; init; } = 3;

    public int Operations { get; init; } = 8;

    /// <summary>The number of different values; 0 makes every value unique, like the real workloads.</summary>
    public int Values { get; init; }

    public bool Appends { get; init; }

    /// <summary>Appends per ten other operations.</summary>
    public int AppendWeight { get; init; } = 1;

    /// <summary>False: puts replace compare-and-sets.</summary>
    public bool Compares { get; init; } = true;

    /// <summary>Texts that can be composed in several ways, so that a read does not identify the writers.</summary>
    public bool Ambiguous { get; init; }

    /// <summary>Open operations; the client continues with a new number.</summary>
    public int OpenMax { get; init; }

    public RegisterFault Fault { get; init; }

    /// <summary>The probability that an operation has the fault.</summary>
    public double FaultRate { get; init; } = 0.3;

    public string Key { get; init; } = HistoryBuilder.Key;
}

/// <summary>
/// A register and its clients, scheduled by a seeded scheduler: operations start, take effect and complete in any interleaving. Without a fault its
/// histories are linearizable by construction.
/// </summary>
internal sealed class SimulatedRegister(RegisterPlan plan, Random random)
{
    private sealed class Running(int process, string function, string? value, string? expected)
    {
        public int Process { get; } = process;

        public string Function { get; } = function;

        public string? Value { get; } = value;

        public string? Expected { get; } = expected;

        public bool Applied { get; set; }

        public string? Seen { get; set; }

        public bool Refused { get; set; }
    }

    private static readonly string[] Texts = ["a", "aa", "b", "ab", ""];

    private readonly HistoryBuilder _history = new();
    private readonly List<string?> _states = [null];
    private readonly List<Running> _running = [];
    private readonly List<Running> _adrift = [];
    private readonly List<Running> _repeats = [];
    private int _begun;
    private int _open;
    private int _nextProcess;
    private readonly Queue<int> _idle = new();

    public static HistoryBuilder Run(RegisterPlan plan, Random random) => new SimulatedRegister(plan, random).Run();

    private HistoryBuilder Run()
    {
        for (; _nextProcess < plan.Clients; _nextProcess++)
        {
            _idle.Enqueue(_nextProcess);
        }

        while (_begun < plan.Operations || _running.Count > 0)
        {
            Step();
        }

        return _history;
    }

    private void Step()
    {
        switch (random.Next(5))
        {
            case 0 or 1 when _begun < plan.Operations && _idle.Count > 0:
                Begin(_idle.Dequeue());
                break;
            case 2 when _running.Find(operation => !operation.Applied) is not null:
                var waiting = _running.FindAll(operation => !operation.Applied);
                Apply(waiting[random.Next(waiting.Count)]);
                break;
            case 3 when _running.Count > 0:
                End(_running[random.Next(_running.Count)]);
                break;
            case 4 when _adrift.Count > 0 && random.Next(4) == 0:
                Apply(_adrift[random.Next(_adrift.Count)]);
                break;
            case 4 when _repeats.Count > 0 && random.Next(3) == 0:
                _states.Add(_repeats[0].Value);
                _repeats.RemoveAt(0);
                break;
        }
    }

    private void Begin(int process)
    {
        var value = plan.Ambiguous ? Texts[random.Next(Texts.Length)] : plan.Values == 0 ? $"v{_begun}" : $"v{random.Next(plan.Values)}";
        _begun++;
        var operation = random.Next(plan.Appends ? 10 + plan.AppendWeight : 10) switch
        {
            < 4 => new Running(process, Functions.Get, null, null),
            < 7 => new Running(process, Functions.Put, value, null),
            7 => new Running(process, Functions.Delete, null, null),
            < 10 when !plan.Compares => new Running(process, Functions.Put, value, null),
            < 10 => new Running(process, Functions.CompareAndSet, random.Next(6) == 0 ? null : value, _states[random.Next(Math.Max(0, _states.Count - 3), _states.Count)]),
            _ => new Running(process, Functions.Append, value, null),
        };
        _running.Add(operation);
        switch (operation.Function)
        {
            case Functions.CompareAndSet:
                _history.Cas(process, operation.Expected, operation.Value, plan.Key);
                break;
            default:
                _history.Invoke(process, operation.Function, operation.Value is null ? HistoryValue.Missing : HistoryValue.Text(operation.Value), key: plan.Key);
                break;
        }
    }

    private void Apply(Running operation)
    {
        operation.Applied = true;
        _adrift.Remove(operation);
        var state = _states[^1];
        switch (operation.Function)
        {
            case Functions.Get:
                operation.Seen = Meets(RegisterFault.StaleRead) ? _states[random.Next(_states.Count)] : state;
                return;
            case Functions.CompareAndSet when (state == operation.Expected) == Meets(RegisterFault.WrongCompare):
                operation.Refused = true;
                return;
        }

        if (Meets(RegisterFault.LostWrite))
        {
            return;
        }

        _states.Add(operation.Function == Functions.Append ? state + operation.Value : operation.Value);
        if (Meets(RegisterFault.DoubleApply))
        {
            _repeats.Add(operation);
        }
    }

    private void End(Running operation)
    {
        var update = operation.Function != Functions.Get;
        if (update && _open < plan.OpenMax && random.Next(3) == 0)
        {
            _open++;
            Leave(operation);
            if (!operation.Applied && random.Next(2) == 0)
            {
                _adrift.Add(operation);
            }

            _history.Info(operation.Process);
            _idle.Enqueue(_nextProcess++);
            return;
        }

        if (!operation.Applied || (update && !operation.Refused && Meets(RegisterFault.FailedWriteApplied)))
        {
            if (!operation.Applied && random.Next(3) != 0)
            {
                return;
            }

            _history.Fail(operation.Process);
        }
        else if (operation.Refused)
        {
            _history.Mismatch(operation.Process);
        }
        else
        {
            _history.Ok(operation.Process, update ? HistoryValue.Missing : HistoryValue.Text(operation.Seen));
        }

        Leave(operation);
        _idle.Enqueue(operation.Process);
    }

    private void Leave(Running operation) => _running.Remove(operation);

    private bool Meets(RegisterFault fault) => plan.Fault == fault && random.NextDouble() < plan.FaultRate;
}
