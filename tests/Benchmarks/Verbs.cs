using System.CommandLine;
using Grpc.Core;
using KvRaft.Client;

namespace KvRaft.Benchmarks;

/// <summary>Options that several commands share, and the end of a command.</summary>
internal static class Verbs
{
    /// <summary>The results were not good enough, or there are none.</summary>
    private const int Failed = 1;

    public static Option<string> Data() => new("--data")
    {
        Description = "Directory on a real disk for the servers' data; each run makes its own inside and removes it.",
        DefaultValueFactory = static _ => Path.GetTempPath(),
    };

    public static Option<string?> Json() => new("--json") { Description = "Also append the results to this file, one JSON object per line." };

    public static Option<double> Seconds(string name, double seconds, string description) =>
        new(name) { Description = description, DefaultValueFactory = _ => seconds };

    public static Option<int> Number(string name, int value, string description) =>
        new(name) { Description = description, DefaultValueFactory = _ => value };

    public static Option<T[]> Several<T>(string name, T[] values, string description) =>
        new(name) { Description = description, DefaultValueFactory = _ => values, AllowMultipleArgumentsPerToken = true };

    /// <summary>Refuses to measure a wrong build; reports an error in one line.</summary>
    public static void Runs(this Command command, Func<ParseResult, CancellationToken, Task> run) => command.SetAction(async (parsed, cancel) =>
    {
        if (IsDebugBuild)
        {
            await Console.Error.WriteLineAsync("This is a Debug build, whose figures mean nothing. Run it with: dotnet run -c Release --project tests/Benchmarks");
            return Failed;
        }

        try
        {
            await run(parsed, cancel);
            return 0;
        }
        catch (Exception error) when (error is InvalidOperationException or TimeoutException or IOException or ArgumentException or RpcException or KvException)
        {
            await Console.Error.WriteLineAsync(error.Message);
            return Failed;
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync("Stopped.");
            return Failed;
        }
    });

#if DEBUG
    private static bool IsDebugBuild => true;
#else
    private static bool IsDebugBuild => false;
#endif
}
