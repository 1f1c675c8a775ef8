using KvRaft.Chaos.Checkers;

namespace KvRaft.Checkers.Tests.Support;

/// <summary>Writes histories event by event; index and time are assigned automatically (one millisecond per event).</summary>
internal sealed class HistoryBuilder
{
    public const string Key = "k";

    private const long StepNanoseconds = 1_000_000;

    private readonly Dictionary<int, HistoryEvent> _running = [];
    private long _time;

    public List<HistoryEvent> Events { get; } = [];

    public HistoryHeader? Header { get; set; }

    public HistoryBuilder Wait(long milliseconds)
    {
        _time += milliseconds * StepNanoseconds;
        return this;
    }

    public HistoryBuilder Invoke(
        int process, string function, HistoryValue value = default, HistoryValue expected = default, string? key = Key, string? level = null, long? ttlMilliseconds = null)
    {
        var invocation = new HistoryEvent
        {
            Index = Events.Count,
            Process = process,
            Type = EventType.Invoke,
            Function = function,
            Key = key,
            Value = value,
            Expected = expected,
            TimeNanoseconds = Tick(),
            Level = level,
            TtlNanoseconds = ttlMilliseconds * StepNanoseconds,
        };
        _running[process] = invocation;
        Events.Add(invocation);
        return this;
    }

    public HistoryBuilder Get(int process, string key = Key, string? level = null) => Invoke(process, Functions.Get, key: key, level: level);

    public HistoryBuilder Put(int process, string value, string key = Key, long? ttlMilliseconds = null) =>
        Invoke(process, Functions.Put, HistoryValue.Text(value), key: key, ttlMilliseconds: ttlMilliseconds);

    public HistoryBuilder Delete(int process, string key = Key) => Invoke(process, Functions.Delete, key: key);

    public HistoryBuilder Cas(int process, string? expected, string? value, string key = Key) =>
        Invoke(process, Functions.CompareAndSet, HistoryValue.Text(value), HistoryValue.Text(expected), key);

    public HistoryBuilder Append(int process, string value, string key = Key) =>
        Invoke(process, Functions.Append, HistoryValue.Text(value), key: key);

    public HistoryBuilder Ok(int process, HistoryValue value = default) => Complete(process, EventType.Ok, value, null);

    /// <summary>Completes a get with its result.</summary>
    public HistoryBuilder Saw(int process, string? value) => Ok(process, HistoryValue.Text(value));

    public HistoryBuilder Fail(int process, string error = "not-leader") => Complete(process, EventType.Fail, default, error);

    public HistoryBuilder Mismatch(int process) => Fail(process, ErrorCodes.CompareMismatch);

    /// <summary>A cas that was refused, with the existing value.</summary>
    public HistoryBuilder Mismatch(int process, string? there) => Complete(process, EventType.Fail, HistoryValue.Text(there), ErrorCodes.CompareMismatch);

    public HistoryBuilder Info(int process, string error = "timeout") => Complete(process, EventType.Info, default, error);

    public HistoryBuilder Mark(string text)
    {
        Events.Add(new HistoryEvent
        {
            Index = Events.Count,
            Process = -1,
            Type = EventType.Info,
            Function = Functions.Nemesis,
            Value = HistoryValue.Text(text),
            TimeNanoseconds = Tick(),
        });
        return this;
    }

    public Chaos.Checkers.History Build() => Chaos.Checkers.History.FromEvents(Events, Header);

    private HistoryBuilder Complete(int process, EventType type, HistoryValue value, string? error)
    {
        var invocation = _running[process];
        _running.Remove(process);
        Events.Add(new HistoryEvent
        {
            Index = Events.Count,
            Process = process,
            Type = type,
            Function = invocation.Function,
            Key = invocation.Key,
            Value = value,
            Error = error,
            TimeNanoseconds = Tick(),
        });
        return this;
    }

    private long Tick() => _time += StepNanoseconds;
}
