using KvRaft.Chaos.Checkers;

namespace KvRaft.Checkers.Tests.Support;

internal enum ListFault
{
    None,
    NotAtomic,
    StaleRead,
    LostAppend,
    DoubleAppend,
    FailedApplied,
}

internal sealed record ListPlan(int Clients, int Transactions, int Keys, int OpenMax, ListFault Fault);

/// <summary>
/// A transactional store of lists and its clients, scheduled by a seeded scheduler. Without a fault every transaction takes effect at one point
/// between its two events. The history ends with one read of everything, so that every element is read.
/// </summary>
internal sealed class SimulatedLists(ListPlan plan, Random random)
{
    private sealed class Running(int process, List<(string? Element, string Key)> steps)
    {
        public int Process { get; } = process;

        public List<(string? Element, string Key)> Steps { get; } = steps;

        public List<string> Answers { get; } = [];

        public bool IsDone => Answers.Count == Steps.Count;
    }

    private readonly HistoryBuilder _history = new();
    private readonly SortedDictionary<string, List<string>> _lists = new(StringComparer.Ordinal);
    private readonly List<Running> _running = [];
    private readonly Queue<int> _idle = new(Enumerable.Range(0, plan.Clients));
    private int _begun;
    private int _open;
    private int _elements;

    public static HistoryBuilder Run(ListPlan plan, Random random) => new SimulatedLists(plan, random).Run();

    private HistoryBuilder Run()
    {
        while (_begun < plan.Transactions || _running.Count > 0)
        {
            Step();
        }

        var reader = new Running(10_000, [.. Enumerable.Range(0, plan.Keys).Select(key => ((string?)null, $"k{key}"))]);
        Begin(reader);
        Execute(reader, faultless: true);
        Complete(reader);
        return _history;
    }

    private void Step()
    {
        switch (random.Next(3))
        {
            case 0 when _begun < plan.Transactions && _idle.Count > 0:
                _begun++;
                Begin(new Running(_idle.Dequeue(), [.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => NewStep())]));
                break;
            case 1 when _running.FindAll(item => !item.IsDone) is [_, ..] waiting:
                Execute(waiting[random.Next(waiting.Count)], faultless: false);
                break;
            case 2 when _running.FindAll(item => item.IsDone) is [_, ..] done:
                End(done[random.Next(done.Count)]);
                break;
        }
    }

    private (string? Element, string Key) NewStep() =>
        (random.Next(2) == 0 ? null : (++_elements).ToString(), $"k{random.Next(plan.Keys)}");

    private void Begin(Running running)
    {
        _running.Add(running);
        _history.Invoke(running.Process, Functions.Transaction, Value(running, [.. running.Steps.Select(step => step.Element ?? "null")]), key: null);
    }

    private void Execute(Running running, bool faultless)
    {
        do
        {
            var (element, key) = running.Steps[running.Answers.Count];
            if (!_lists.TryGetValue(key, out var list))
            {
                _lists.Add(key, list = []);
            }

            if (element is null)
            {
                var stale = !faultless && Meets(ListFault.StaleRead) ? random.Next(3) : 0;
                running.Answers.Add($"[{string.Join(',', list.Take(Math.Max(0, list.Count - stale)))}]");
                continue;
            }

            running.Answers.Add(element);
            if (!Meets(ListFault.LostAppend))
            {
                list.Add(element);
            }

            if (Meets(ListFault.DoubleAppend))
            {
                list.Add(element);
            }
        }
        while (!running.IsDone && (faultless || !Meets(ListFault.NotAtomic)));
    }

    private void End(Running running)
    {
        if (_open < plan.OpenMax && random.Next(3) == 0)
        {
            _open++;
            _running.Remove(running);
            _history.Info(running.Process);
            _idle.Enqueue(running.Process + 100);
        }
        else if (Meets(ListFault.FailedApplied))
        {
            _running.Remove(running);
            _history.Fail(running.Process);
            _idle.Enqueue(running.Process);
        }
        else
        {
            Complete(running);
            _idle.Enqueue(running.Process);
        }
    }

    private void Complete(Running running)
    {
        _running.Remove(running);
        _history.Ok(running.Process, Value(running, running.Answers));
    }

    private static HistoryValue Value(Running running, List<string> answers) => HistoryValue.Json(
        $"[{string.Join(',', running.Steps.Zip(answers, (step, answer) => $"[\"{(step.Element is null ? "r" : "append")}\",\"{step.Key}\",{answer}]"))}]");

    private bool Meets(ListFault fault) => plan.Fault == fault && random.Next(3) == 0;
}
