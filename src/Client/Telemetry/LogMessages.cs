using Microsoft.Extensions.Logging;

namespace KvRaft.Client.Telemetry;

/// <summary>The log messages of the client. Ids 5000 to 5999; a retired id is never used again.</summary>
internal static partial class Log
{
    [LoggerMessage(5000, LogLevel.Information, "Shard map of epoch {Epoch} received from {Endpoint}: {Nodes} nodes, {Shards} shards")]
    public static partial void MapReceived(ILogger logger, long epoch, int nodes, int shards, string endpoint);

    [LoggerMessage(5001, LogLevel.Debug, "The watch of routes at {Endpoint} ended: {Reason}")]
    public static partial void WatchEnded(ILogger logger, string endpoint, string reason);

    [LoggerMessage(5010, LogLevel.Debug, "{Operation} attempt {Attempt} at {Endpoint} failed with {Reason} ({Message}); retry in {DelayMs} ms")]
    public static partial void Retrying(
        ILogger logger, string operation, int attempt, string endpoint, string reason, string message, double delayMs);

    [LoggerMessage(5011, LogLevel.Debug, "{Operation} given up after {Attempts} attempts: {Reason} ({Message}); outcome {Outcome}")]
    public static partial void GivenUp(
        ILogger logger, string operation, int attempts, string reason, string message, KvOutcome outcome);

    [LoggerMessage(5012, LogLevel.Information, "Session {ClientId} is unknown to the shard; the write was not applied and is sent again with a newer log index")]
    public static partial void SessionForgotten(ILogger logger, Guid clientId);
}
