using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Console;

namespace KvRaft.Node.Telemetry;

/// <summary>Where a process that runs nodes writes its log: one line each, to stderr, with UTC times.</summary>
internal static class NodeLogging
{
    public static ILoggerFactory ToConsole(LogLevel level) => LoggerFactory.Create(logging => logging
        .SetMinimumLevel(level)
        .AddFilter("Microsoft", LogLevel.Warning)
        .AddFilter("DotNext", LogLevel.Warning)
        .AddFilter("Grpc", LogLevel.Warning)
        .AddFilter("System.Net", LogLevel.Warning)

        // A node that is not ready yet is asked and says so; that is no error of its own.
        .AddFilter("Microsoft.Extensions.Diagnostics.HealthChecks", LogLevel.None)

        // The node's loops report to NodeFailure, and a port in use is said by NodeStartException; here it would be said again.
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
