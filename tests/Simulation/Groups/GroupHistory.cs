using System.Globalization;
using KvRaft.Chaos.Checkers;

namespace KvRaft.Simulation.Tests.Groups;

/// <summary>The operations and answers of the clients, for the checkers that also check real clusters.</summary>
internal sealed class GroupHistory
{
    private readonly List<HistoryEvent> _registers = [];
    private readonly List<HistoryEvent> _counters = [];
    private readonly Dictionary<string, string?> _seen = [];
    private long _index;
    private int _process;

    public int Answered { get; private set; }

    /// <summary>The number of a new logical client.</summary>
    public int NewProcess() => _process++;

    public void Invoke(int process, GroupOperation operation) => Note(process, EventType.Invoke, operation, operation.Value, error: null);

    /// <summary>The value that a client last read or wrote at the key. A comparison with it is likely to hold.</summary>
    public string? LastSeen(string key) => _seen.GetValueOrDefault(key);

    public void Ok(int process, GroupOperation operation, HistoryValue value)
    {
        Answered++;
        _seen[operation.Key] = value.Content;
        Note(process, EventType.Ok, operation, value, error: null);
    }

    public void Fail(int process, GroupOperation operation, string error) => Note(process, EventType.Fail, operation, operation.Value, error);

    public void Open(int process, GroupOperation operation) => Note(process, EventType.Info, operation, operation.Value, "unknown");

    /// <summary>The first violation that a checker finds; null: none.</summary>
    public string? Check()
    {
        Verdict[] verdicts = [Linearizability.Check(History.FromEvents(_registers)), CounterChecker.Check(History.FromEvents(_counters))];
        return verdicts.FirstOrDefault(static verdict => !verdict.IsValid) is { } violation
            ? $"{violation.Checker}: {violation.Reason} {string.Join("; ", violation.Findings.Select(static finding => $"{finding.Message}\n{finding.Explanation}"))}"
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
