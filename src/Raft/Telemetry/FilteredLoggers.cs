using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Telemetry;

/// <summary>
/// Lowers the level of some DotNext events to Debug; all other events pass unchanged. While a peer is away, DotNext warns once per heartbeat, and once per write, and peer: dozens of lines a second with many groups. And it
/// reports an unexpected error when a request to a removed member ends.
/// </summary>
internal sealed class FilteredLoggers(ILoggerFactory inner) : ILoggerFactory
{
    public ILogger CreateLogger(string categoryName) => new FilteredLogger(inner.CreateLogger(categoryName));

    public void AddProvider(ILoggerProvider provider) => inner.AddProvider(provider);

    public void Dispose()
    {
        // The factory belongs to the caller.
    }

    private sealed class FilteredLogger(ILogger inner) : ILogger
    {
        private const int MemberUnavailable = 74010;
        private const int ReplicationFailed = 74015;

        // Logged once for each round without an absent member: a line for each write.
        private const int MemberSlow = 74044;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            inner.Log(IsExpected(eventId, exception) ? LogLevel.Debug : logLevel, eventId, state, exception, formatter);

        // DotNext's error about the removed member has no event id.
        private static bool IsExpected(EventId eventId, Exception? exception) =>
            eventId.Id is MemberUnavailable or ReplicationFailed or MemberSlow || (eventId.Id == 0 && exception is ObjectDisposedException);
    }
}
