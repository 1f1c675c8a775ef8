using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Console;

namespace KvRaft.Node.Telemetry;

/// <summary>The log of a process that runs nodes: one line per event, to stderr, with UTC times.</summary>
internal static class NodeLogging
{
    public static ILoggerFactory ToConsole(LogLevel level) => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(level)
        .AddFilter("Microsoft", LogLevel.Warning)
        .AddFilter("DotNext", LogLevel.Warning)
        .AddFilter("Grpc", LogLevel.Warning)
        .AddFilter("System.Net", LogLevel.Warning)

        // A health check of a node that is not ready yet gets that answer; it is no error of the node.
        .AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None)

        // The node's loops report to NodeFailure, and NodeStartException reports a port in use; the host would log both a second time.
        .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None)
        .AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        })
        .Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace));
}
