using Microsoft.Extensions.Logging;

namespace KvRaft.Raft.Tests.Groups;

/// <summary>Writes the nodes' log messages to the file in KVRAFT_TEST_LOG, to find out why a test failed.</summary>
internal sealed class FileLoggers(string file) : ILoggerFactory
{
    private static readonly Lock Gate = new();

    public ILogger CreateLogger(string categoryName) => new Writer(file, categoryName);

    public void AddProvider(ILoggerProvider provider)
    {
    }

    public void Dispose()
    {
    }

    private sealed class Writer(string file, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (Gate)
            {
                File.AppendAllText(file, $"{DateTime.UtcNow:HH:mm:ss.fff} {logLevel} {category} {eventId.Id} {formatter(state, exception)} {exception}\n");
            }
        }
    }
}
