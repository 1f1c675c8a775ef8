using System.Collections.Concurrent;

namespace KvRaft.Node.Telemetry;

/// <summary>
/// Limits the lines that any one event can write to the log, whatever causes it: of each event of each category the first <see cref="BurstMax"/> lines in a period pass, after
/// that <see cref="LinesPerSecond"/>. For events of libraries, whose lines come with the stack of every bad request, the limit is a fortieth. Suppressed lines are counted, and the count is written with the next line that passes. Trace and Debug lines
/// are for a person who searches for a cause, and all pass.
/// <para>
/// It applies to every component of a node, the libraries included, so that no caller, packet or repeated fault fills a disk with lines, also from code
/// without its own limit. It stores a number per event, not per caller.
/// </para>
/// Thread-safe.
/// </summary>
internal sealed class BoundedLoggers(ILoggerFactory inner, TimeProvider time) : ILoggerFactory
{
    /// <summary>A node with a thousand shards logs a thousand times within a second that it leads one.</summary>
    public const int BurstMax = 2000;

    /// <summary>10 lines of 200 bytes a second are 170 MB a day: of one event, all day long.</summary>
    public const int LinesPerSecond = 10;

    /// <summary>Lines of KvRaft's own events have a few words; those of libraries may be a hundred times as long.</summary>
    public const int LibraryShare = 40;

    private readonly ConcurrentDictionary<(string Category, int Event), Budget> _budgets = new();

    public ILogger CreateLogger(string categoryName) => new BoundedLogger(this, categoryName, inner.CreateLogger(categoryName));

    public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

    public void Dispose()
    {
        // The factory belongs to the caller.
    }

    /// <summary>False: suppressed. Otherwise the number of lines that were suppressed before.</summary>
    private bool TryPass(string category, int eventId, out long suppressed) =>
        _budgets.GetOrAdd(
        (category, eventId),
        static (key, time) => new Budget(key.Category.StartsWith("KvRaft", StringComparison.Ordinal) ? 1 : LibraryShare, time),
        time).TryPass(out suppressed);

    private sealed class BoundedLogger(BoundedLoggers owner, string category, ILogger inner) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel < LogLevel.Information || !inner.IsEnabled(logLevel))
            {
                inner.Log(logLevel, eventId, state, exception, formatter);
                return;
            }

            if (!owner.TryPass(category, eventId.Id, out var suppressed))
            {
                return;
            }

            inner.Log(logLevel, eventId, state, exception, formatter);
            if (suppressed > 0)
            {
                inner.LinesHeldBack(logLevel, suppressed, eventId.Id, category);
            }
        }
    }

    /// <summary>A token bucket of lines that fills slowly.</summary>
    private sealed class Budget(int share, TimeProvider time)
    {
        private readonly Lock _gate = new();
        private double _lines = BurstMax / share;
        private long _at = time.GetTimestamp();
        private long _suppressed;

        public bool TryPass(out long suppressed)
        {
            lock (_gate)
            {
                var now = time.GetTimestamp();
                _lines = Math.Min(BurstMax / share, _lines + (time.GetElapsedTime(_at, now).TotalSeconds * LinesPerSecond / share));
                _at = now;
                if (_lines < 1)
                {
                    suppressed = ++_suppressed;
                    return false;
                }

                _lines--;
                suppressed = _suppressed;
                _suppressed = 0;
                return true;
            }
        }
    }
}
