using System.Globalization;
using KvRaft.Chaos.Checkers;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>What writers saw, for the judges that also judge real clusters.</summary>
internal sealed class GroupHistory
{
    private readonly List<HistoryEvent> _registers = [];
    private readonly List<HistoryEvent> _counters = [];
    private readonly Dictionary<string, string?> _seen = [];
    private long _index;
    private int _process;

    public int Answered { get; private set; }

    /// <summary>A logical client that was never there before.</summary>
    public int NewProcess() => _process++;

    public void Invoke(int process, GroupOperation operation) => Note(process, EventType.Invoke, operation, operation.Value, error: null);

    /// <summary>What somebody last read or wrote there: a comparison with it has a fair chance to hold.</summary>
    public string? LastSeen(string key) => _seen.GetValueOrDefault(key);

    public void Ok(int process, GroupOperation operation, HistoryValue value)
    {
        Answered++;
        _seen[operation.Key] = value.Content;
        Note(process, EventType.Ok, operation, value, error: null);
    }

    public void Fail(int process, GroupOperation operation, string error) => Note(process, EventType.Fail, operation, operation.Value, error);

    public void Open(int process, GroupOperation operation) => Note(process, EventType.Info, operation, operation.Value, "unknown");

    /// <summary>What is wrong; null: nothing.</summary>
    public string? Judge()
    {
        Verdict[] verdicts = [Linearizability.Check(History.FromEvents(_registers)), CounterChecker.Check(History.FromEvents(_counters))];
        return verdicts.FirstOrDefault(static verdict => !verdict.IsValid) is { } guilty
            ? $"{guilty.Checker}: {guilty.Reason} {string.Join("; ", guilty.Findings.Select(static finding => $"{finding.Message}\n{finding.Explanation}"))}"
            : null;
    }

    private void Note(int process, EventType type, GroupOperation operation, HistoryValue value, string? error) =>
        (operation.IsOfCounter ? _counters : _registers).Add(new HistoryEvent
        {
            Index = _index,
            TimeNanoseconds = _index++,
            Process = process,
            Type = type,
            Function = operation.Function,
            Key = operation.Key,
            Value = value,
            Expected = operation.Expected,
            Error = error,
        });

    public static HistoryValue Number(long number) => HistoryValue.Json(number.ToString(CultureInfo.InvariantCulture));
}
