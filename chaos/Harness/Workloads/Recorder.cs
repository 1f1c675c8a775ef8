using System.Diagnostics;
using KvRaft.Chaos.Checkers;

namespace KvRaft.Chaos.Workloads;

/// <summary>
/// The one place where events of a run get their order and time: one lock, one monotonic clock. So the order and time in the file are
/// those of the events. Safe for many threads.
/// </summary>
internal sealed class Recorder : IDisposable
{
    private const int NemesisProcess = -1;

    private readonly Lock _lock = new();
    private readonly StreamWriter _file;
    private readonly HistoryWriter _writer;
    private readonly long _startedAt = Stopwatch.GetTimestamp();
    private long _index;

    public Recorder(string path, HistoryHeader header)
    {
        _file = new StreamWriter(path);
        _writer = new HistoryWriter(_file);
        _writer.Write(header);
    }

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_startedAt);

    public long Events => Interlocked.Read(ref _index);

    /// <summary>Gives the event its index and time, and writes it.</summary>
    public void Record(HistoryEvent next)
    {
        lock (_lock)
        {
            // TimeSpan ticks are 100 ns; the stopwatch is finer, but no operation here is that short.
            _writer.Write(next with { Index = _index++, TimeNanoseconds = Elapsed.Ticks * 100 });
        }
    }

    /// <summary>A mark of the nemesis: <c>fault detail</c>, or <c>heal fault detail</c>.</summary>
    public void Mark(string text) => Record(new HistoryEvent
    {
        Index = 0,
        Process = NemesisProcess,
        Type = EventType.Info,
        Function = Functions.Nemesis,
        Value = HistoryValue.Text(text),
        TimeNanoseconds = 0,
    });

    public void Dispose()
    {
        lock (_lock)
        {
            _file.Dispose();
        }
    }
}
