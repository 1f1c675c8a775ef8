using KvRaft.Node.Telemetry;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;

namespace KvRaft.Node.Tests.Telemetry;

public sealed class BoundedLoggersTests : IDisposable
{
    private readonly FakeTimeProvider _time = new();
    private readonly Lines _lines = new();

    public void Dispose() => _lines.Dispose();

    [Fact]
    public void One_event_cannot_fill_the_log_and_reports_the_suppressed_lines()
    {
        var logger = new BoundedLoggers(_lines, _time).CreateLogger("KvRaft.Loop");
        for (var i = 0; i < 102_000; i++)
        {
            logger.Log(LogLevel.Warning, new EventId(7), "again", null, static (text, _) => text);
        }

        Assert.Equal(BoundedLoggers.BurstMax, _lines.Written.Count);
        _time.Advance(TimeSpan.FromSeconds(1));
        logger.Log(LogLevel.Warning, new EventId(7), "again", null, static (text, _) => text);
        Assert.Equal(["again", $"{102_000 - BoundedLoggers.BurstMax} more lines of event 7 (KvRaft.Loop) were suppressed"], _lines.Written.Skip(BoundedLoggers.BurstMax));

        // Another event has a budget of its own.
        logger.Log(LogLevel.Warning, new EventId(8), "another", null, static (text, _) => text);
        Assert.Equal("another", _lines.Written[^1]);
    }

    [Fact]
    public void An_event_of_a_library_is_cut_at_a_lower_limit()
    {
        var logger = new BoundedLoggers(_lines, _time).CreateLogger("Grpc.AspNetCore.Server.ServerCallHandler");
        for (var i = 0; i < 1000; i++)
        {
            logger.Log(LogLevel.Error, new EventId(6), "with a stack", null, static (text, _) => text);
        }

        Assert.Equal(BoundedLoggers.BurstMax / BoundedLoggers.LibraryShare, _lines.Written.Count);
    }

    [Fact]
    public void Lines_of_level_debug_all_pass()
    {
        var logger = new BoundedLoggers(_lines, _time).CreateLogger("loop");
        for (var i = 0; i < 2 * BoundedLoggers.BurstMax; i++)
        {
            logger.Log(LogLevel.Debug, new EventId(7), "again", null, static (text, _) => text);
        }

        Assert.Equal(2 * BoundedLoggers.BurstMax, _lines.Written.Count);
    }

    [Fact]
    public void A_line_that_callers_cause_is_written_once_in_ten_seconds_with_the_number_of_the_others()
    {
        var throttle = new LineThrottle(_time);
        Assert.True(throttle.TryPass(out var suppressed));
        Assert.Equal(0, suppressed);
        for (var i = 0; i < 5; i++)
        {
            Assert.False(throttle.TryPass(out _));
        }

        _time.Advance(TimeSpan.FromSeconds(10));
        Assert.True(throttle.TryPass(out suppressed));
        Assert.Equal(5, suppressed);
    }

    private sealed class Lines : ILoggerFactory, ILogger
    {
        public List<string> Written { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Written.Add(formatter(state, exception));

        public void Dispose()
        {
        }
    }
}
